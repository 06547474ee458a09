"""The method of the scripts that the program takes over from: pyodbc rows into a pandas DataFrame, to Parquet, to S3.

    ORIGINAL_CONNECTION='Driver=…' python -m bench.original_method lake run1/Person/cdc Person 1000000 < statement.sql

What it does not do, and the program does: keep a position that survives a crash and makes each change appear exactly
once; know whether the result came whole; give decimals, timestamps and texts one Parquet type whatever the values of a
batch are (pandas guesses it anew for each); hold memory flat. It is here for what it costs, so it does nothing more
than it must: no time for state, no query for LSN bounds, pandas' and boto3's defaults.
"""

from __future__ import annotations

import io
import os
import sys
from datetime import UTC, datetime

import boto3
import pandas
import pyodbc
from botocore.config import Config


def main() -> int:
    bucket, folder, table, rows_an_object = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    client = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))
    connection = pyodbc.connect(os.environ["ORIGINAL_CONNECTION"], autocommit=True)
    cursor = connection.cursor()
    cursor.execute(sys.stdin.read())
    names = [column[0] for column in cursor.description]
    number = 0
    while rows := cursor.fetchmany(rows_an_object):
        frame = pandas.DataFrame.from_records(rows, columns=names)
        body = io.BytesIO()
        frame.to_parquet(body, index=False)
        stamp = datetime.now(UTC).strftime("%Y%m%d_%H%M%S")
        key = f"{folder}/{table}_cdc_{stamp}_{number:04d}.parquet"
        client.put_object(Bucket=bucket, Key=key, Body=body.getvalue())
        number += 1
    connection.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
