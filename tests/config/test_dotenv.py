"""The product reads a .env file as python-dotenv does: the same files through both, value for value."""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
from pathlib import Path

import pytest
from dotenv.main import DotEnv
from dotenv.parser import parse_stream

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {"OUTSIDE": "from outside", "EMPTY": "", "BOTH": "outside wins"}

# Each once a mistake of some reader, or a file that people have.
ODD_FILES = {
    "the original script's": "SQL_SERVER_HOST=db1,1433\nSQL_SERVER_PASSWORD=p#ss$w0rd!\n"
    "SQL_SERVER_DRIVER={ODBC Driver 17 for SQL Server}\nS3_BUCKET=lake  # the bucket\n",
    "empty": "",
    "only blanks": " \n\t\n  ",
    "no newline at the end": "A=1\nB=2",
    "windows newlines": "A=1\r\nB='2'\r\nC=\"3\"\r\n",
    "old mac newlines": "A=1\rB=2\r",
    "byte order mark": "\ufeffA=1\n",
    "blanks around the equals sign": "A = 1\nB= 2 \n  C =3\n\tD\t=\t4\n",
    "comments": "# one\n  # two\nA=1 # three\nB=1# no comment\nC=#value\nD= # comment\nE='x' # y\nF=\"x\"#y\n",
    "hash in quotes": "A='a # b'\nB=\"a # b\"\n",
    "export": "export A=1\nexport\tB=2\nexport  C = 3\nexportD=4\nexport=5\nexport\n",
    "no value": "A\nB=\nC\n",
    "a name without value above": "A\nB=${A:-default}\nC=[${A}]\n",
    "single quotes": "A='b\\'c'\nB='b\\\\'\nC='b\\nc'\nD='\"'\nE=''\nF='b\\'\n",
    "double quotes": 'A="b\\"c"\nB="b\\\\"\nC="b\\nc\\td\\a\\b\\f\\r\\v"\nD="\'"\nE=""\nF="\\x\\$\\u0041"\n',
    "several lines": "A=\"one\ntwo\n\nthree\"\nB='one\ntwo'\nC=3\n",
    "quoted windows newline": 'A="one\r\ntwo"\r\n',
    "an open quote": "A='open\nB=2\nC=3'\nD=4\n",
    "an open quote at the end": 'A=1\nB="open\nC=3\n',
    "text after quotes": "A='x' y\nB=2\nC=\"x\"y\nD=4\n",
    "quotes inside a value": "A=x'y'\nB=x\"y\"z # c\n",
    "quoted names": "'A'=1\n'B C'=2\n''=3\n'D\n\"E\"=5\n",
    "names with odd letters": "A.B=1\nA-B=2\nÄÖ=3\nA:B=4\n1=5\nA$B=6\n",
    "broken lines": "=1\nA B=2\nC=3\n:\n= \nD=4\n",
    "twice": "A=1\nA=2\nB=${A}\nA=3\n",
    "references": "A=1\nB=${A}\nC=${A}${A}\nD=x${A}y\nE=${NONE}\nF=${NONE:-d e}\nG=${NONE:-}\nH=$A\nI=${A\n",
    "references in single quotes": "A=1\nB='${A}'\nC='\\${A}'\n",
    "references of odd shape": "A=${}\nB=${:-x}\nC=${A:x}\nD=${A:-${B}}\nE=$${OUTSIDE}\nF=${A:}\nG=${ A }\nH=${A\nB}\n",
    "references to the environment": "A=${OUTSIDE}\nBOTH=file\nB=${BOTH}\nC=${EMPTY:-default}\nOUTSIDE=x\nD=${OUTSIDE}\n",
    "references to what comes later": "A=${LATER:-not yet}\nLATER=1\n",
    "a reference over lines": 'A="${NONE:-one\ntwo}"\n',
    "unicode blanks": "A=1\u00a0# c\n\u3000B\u00a0=\u20032\u00a0\nC='x'\u00a0\nD=1\u0085# c\nE=a\x0bb\x0c # c\nF=x\x1c\n",
    "unicode values": "A=Grüße\nB='数据'\nC=\"🙂\"\n",
    "a trailing backslash": "A=x\\\nB='x\\\n'\nC=\"x\\\ny\"\n",
    "an equals sign in the value": "A=b=c\nB==\nC= =d\n",
}


def theirs(path: Path) -> dict[str, object]:
    """What python-dotenv's load_dotenv() would set, and how many statements it warns about."""
    read = DotEnv(path, encoding="utf-8", override=False).dict()
    with path.open(encoding="utf-8") as stream:
        errors = sum(binding.error for binding in parse_stream(io.StringIO(stream.read())))
    return {"values": {name: value for name, value in read.items() if value is not None}, "unreadable": errors}


def ours(paths: list[Path]) -> list[dict[str, object]]:
    program = ROOT / os.environ.get("BUILD", "build") / "dotenv_dump"
    assert program.exists(), f"{program} is missing: ninja -C {program.parent} dotenv_dump"
    done = subprocess.run([program, *paths], capture_output=True, text=True, timeout=60, check=True, encoding="utf-8")
    return json.loads(done.stdout)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("text", ODD_FILES.values(), ids=ODD_FILES.keys())
def test_an_odd_file_reads_as_python_dotenv_reads_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / ".env"
    path.write_bytes(text.encode())
    assert ours([path]) == [theirs(path)]


def random_file(rng: random.Random) -> str:
    pieces = ["A", "B", "OUTSIDE", "EMPTY", "=", "=", "'", '"', "\\", "#", " ", "\n", "\n", "\r\n", "${", "}", ":-"]
    pieces += ["export ", "x", "\t", "\u00a0", "\\n", "\\'", "${A}", "${B:-", "é"]
    return "".join(rng.choices(pieces, k=rng.randint(1, 40)))


def test_thousands_of_random_files_read_as_python_dotenv_reads_them(tmp_path: Path) -> None:
    rng = random.Random(20250109)
    paths = []
    for number in range(3000):
        path = tmp_path / f"{number}.env"
        path.write_bytes(random_file(rng).encode())
        paths.append(path)
    for path, read in zip(paths, ours(paths), strict=True):
        assert read == theirs(path), f"differs on {path.read_bytes()!r}"


def test_a_file_that_is_not_utf_8_is_refused_by_both(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes("A=Grüße".encode("latin-1"))
    with pytest.raises(UnicodeDecodeError):
        theirs(path)
    assert ours([path]) == [{"error": "not UTF-8 at byte 4"}]
