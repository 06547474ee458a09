"""sp_tables, sp_columns and their like."""
