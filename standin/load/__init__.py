"""Fills a SQL Server, or the stand-in, with rows and changes: plain T-SQL through an ordinary client."""
