"""A stand-in for SQL Server with change data capture: a test tool that speaks TDS 7.4."""
