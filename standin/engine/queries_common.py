"""What several modules that run queries share."""

SELECT = 0xC1  # TDS CurCmd
