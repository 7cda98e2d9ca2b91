"""Tables of events in text files of every kind: what is read, and what is refused."""

import csv
import gzip
import re
import resource
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skrec.data import Interactions


@pytest.fixture
def path(tmp_path):
    return tmp_path / "plays.csv"


def rows_of(path, content, **options):
    """The labels and values of each event, and its timestamp if there is one."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    data = Interactions.from_csv(path, **options)
    columns = [data.user_ids[data.users], data.item_ids[data.items], data.values]
    columns += [] if data.timestamps is None else [data.timestamps]
    return [list(row) for row in zip(*(column.tolist() for column in columns))]


POSITIONS = {"header": None, "user": 0, "item": 1, "rating": 2, "timestamp": 3}

# content, keywords, rows
FILES = {
    "u.data": ("196\t242\t3\t88\n186\t302\t3\t5\n", POSITIONS | {"sep": "\t"}, [[196, 242, 3, 88], [186, 302, 3, 5]]),
    "ratings.dat": ("1::1193::5::7\n1::66::3::8\n", POSITIONS | {"sep": "::"}, [[1, 1193, 5, 7], [1, 66, 3, 8]]),
    "blanks": ("  1  9\t5 7 \n\n2 8 3   4\n", POSITIONS | {"sep": r"\s+"}, [[1, 9, 5, 7], [2, 8, 3, 4]]),
    "quotes among blanks": ('1 "9 5 7\n', POSITIONS | {"sep": r"\s+"}, [[1, '"9', 5, 7]]),
    "a long separator in quotes": ('user::item\n"1::2"::a\n', {"sep": "::"}, [["1::2", "a", 1]]),
    "all in quotes": ('"user","item"\n"a","b ""c"""\n', {}, [["a", 'b "c"', 1]]),
    "ends of lines in quotes": ('user,item,rating\r\na,"x\r\ny",3\r\nb,z,4\r\n', {}, [["a", "x\r\ny", 3], ["b", "z", 4]]),
    "an unused text of several lines": ('user,item,note\na,x,"so\nso, la"\nb,y,\n', {}, [["a", "x", 1], ["b", "y", 1]]),
    "a quote within a field": ('user,item\na,12" mixes\n', {}, [["a", '12" mixes', 1]]),
    "quotes without meaning": ('user,item\na,"Heroes\n', {"quoting": csv.QUOTE_NONE}, [["a", '"Heroes', 1]]),
    "ends of lines of old Macintoshes": ("user,item\ra,x\rb,y\r", {}, [["a", "x", 1], ["b", "y", 1]]),
    "other ends of lines": ("user,item\na\u2028b,c\x85d\n", {}, [["a\u2028b", "c\x85d", 1]]),
    "Latin-1": ("user,item\nLéo,x\n".encode("latin-1"), {"encoding": "latin-1"}, [["Léo", "x", 1]]),
    "UTF-16": ("user,item\nLéo,x\n".encode("utf-16"), {"encoding": "utf-16"}, [["Léo", "x", 1]]),
    "decimal comma": ("user;item;rating\na;x;3,5\n", {"sep": ";", "decimal": ","}, [["a", "x", 3.5]]),
    "columns in another order": ("rating,item,other,user\n3,x,?,a\n", {}, [["a", "x", 3]]),
    "columns by position": ("who,what\na,x\n", {"user": 0, "item": 1}, [["a", "x", 1]]),
    "an unused name twice": ("user,note,item,note\na,?,x,!\n", {}, [["a", "x", 1]]),
    "a title above the header": ("plays of 2020\n\nuser,item\na,x\n", {"header": 1}, [["a", "x", 1]]),
    "a separator at the end of each line": ("user,item,rating\na,x,3,\nb,y,4,\n", {}, [["a", "x", 3], ["b", "y", 4]]),
    "blank lines": ("user,item\n\na,x\n  \n\nb,y\n\n", {}, [["a", "x", 1], ["b", "y", 1]]),
    "labels with blanks": ("user,item\n a,x \n", {}, [[" a", "x ", 1]]),
    "numbers with blanks": ("user,item,rating\na,x, 3 \n", {}, [["a", "x", 3]]),
    "zeros, signs, gaps": ("user,item\n07,NA\n+7,-7\n", {}, [["07", "NA", 1], ["+7", "-7", 1]]),
    "a long field": ("user,item\n" + 200_000 * "a" + ",x\n", {}, [[200_000 * "a", "x", 1]]),
    "days": ("user,item,timestamp\na,x,1970-01-02\na,y,1970-01-01\n", {}, [["a", "x", 1, 86_400_000_000], ["a", "y", 1, 0]]),
    "times with zones": (
        "user,item,timestamp\na,x,1970-01-01T00:00:01Z\na,y,1970-01-01 02:00:00.5+02:00\n",
        {},
        [["a", "x", 1, 1_000_000], ["a", "y", 1, 500_000]],
    ),
    "seconds": ("user,item,timestamp\na,x,5\n", {"timestamp_unit": "s"}, [["a", "x", 1, 5_000_000]]),
    "days since 1970": ("user,item,timestamp\na,x,1\n", {"timestamp_unit": "D"}, [["a", "x", 1, 86_400_000_000]]),
    "nanoseconds": ("user,item,timestamp\na,x,5999\n", {"timestamp_unit": "ns"}, [["a", "x", 1, 5]]),
}  # fmt: skip


@pytest.mark.parametrize(("content", "options", "rows"), FILES.values(), ids=FILES)
def test_a_text_file_is_read_as_it_is_written(path, content, options, rows):
    assert rows_of(path, content, **options) == rows


def test_a_gzipped_file_is_read_likewise(tmp_path):
    content = "1::1193::5::7\n1::66::3::8\n"
    path = tmp_path / "ratings.dat.gz"
    assert rows_of(path, gzip.compress(content.encode()), **POSITIONS, sep="::") == [[1, 1193, 5, 7], [1, 66, 3, 8]]
    with pytest.raises(ValueError, match=r"ratings\.dat\.gz has \d+ bytes and unpacks to more than 3, the limit"):
        Interactions.from_csv(path, **POSITIONS, sep="::", max_bytes=3)


# content, keywords, words
BAD_FILES = {
    "a quote that hides lines": ('user,item\na,"x\nb,y\nc,z"\n', {}, "line 2: cannot be split into fields"),
    "a quote that hides a line's end": ('user,item,rating\na,"Heroes,5\nb,12",3\n', {}, "line 2: cannot be split into fields"),
    "a quote that hides lines in an unused field": (
        'user,item,note\na,x,"Heroes\nb,y,\nc,z,12"\n', {}, "line 2: cannot be split into fields",
    ),
    "text behind a quote": ('user,item\na,x\nb,"y"z\n', {}, "line 3: cannot be split into fields"),
    "a long field in quotes": ('user,item\n"' + 200_000 * "a" + '",x\n', {}, "line 2: cannot be split into fields"),
    "a field too few, unused": ("user,item,note\na,x,\nb,y\n", {}, "line 3: expected 3 fields, got 2"),
    "a field too many at first": ("user,item\na,x,5\n", {}, "line 2: expected 2 fields, got 3"),
    "a field too many and one too few": ("user,item,note\na,x,y,z\nb,y\n", {}, "line 2: expected 3 fields, got 4"),
    "a NUL character": ("user,item\na,x\nb\0,y\n", {}, "line 3: contains a NUL character"),
    "not Latin": ("user,item\na,x\nLéo,y\n".encode("latin-1"), {}, "line 3: not UTF-8 text"),
    "not ASCII": ("user,item\na,x\nLéo,y\n", {"encoding": "ascii"}, "line 3: not ASCII text"),
    "truth for numbers": ("user,item,rating\na,x,True\n", {}, "line 2: rating must be a finite number, got 'True'"),
    "underscores": ("user,item,rating\na,x,1_0\n", {}, "line 2: rating must be a finite number, got '1_0'"),
    "a decimal comma": ("user;item;rating\na;x;3,5\n", {"sep": ";"}, "line 2: rating must be a finite number, got '3,5'"),
    "a decimal point": ("user;item;rating\na;x;3.5\n", {"sep": ";", "decimal": ","}, "line 2: rating must be a finite"),
    "a date among numbers": ("user,item,timestamp\na,x,5\na,y,2020-01-01\n", {}, "line 3: timestamp must be a whole number as"),
    "a number among dates": ("user,item,timestamp\na,x,2020-01-01\na,y,5\n", {}, "line 3: timestamp must be an ISO date or"),
    "no such day": ("user,item,timestamp\na,x,2020-01-01\na,y,2020-02-30\n", {}, "line 3: timestamp must be a whole number,"),
    "no day": ("user,item,timestamp\na,x,2020-01-01\na,y,\n", {}, "line 3: timestamp must be a whole number, such"),
    "today": ("user,item,timestamp\na,x,2020-01-01\na,y,today\n", {}, "line 3: timestamp must be a whole number, such"),
    "another unit": ("user,item,timestamp\na,x,5\na,y,1600000000000\n", {"timestamp_unit": "s"}, "line 3: timestamp must be a"),
    "no such position": ("a\tx\n", {"header": None, "user": 0, "item": 2, "sep": "\t"}, "line 1: no column 2 (item); it has 2"),
    "a number for a name": ("user,item\na,x\n", {"user": True}, "line 1: no column True (user); it has ['user', 'item']"),
    "two counts": ("user,item,plays,count\na,x,1,2\n", {}, "line 1 has the columns ['plays', 'count'], which may all be"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "options", "words"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_line_that_is_no_event_is_refused_by_file_and_line(path, content, options, words):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError) as caught:
        Interactions.from_csv(path, **options)
    assert str(caught.value).startswith(f"plays.csv, {words}")


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        ("a,x\n", {"header": None}, "header=None needs the position of each column, such as user=0, got user='user'"),
        ("user,item\na,x\n", {"header": 1}, "plays.csv cannot be read: it has no line after the header"),
        ("user,item\na,x\n", {"header": 2}, "plays.csv is empty or ends before the header"),
        ("user,item\na,x\n", {"encoding": "utf-16"}, "plays.csv is not UTF-16 text"),
        ("user,item\na,x\n", {"timestamp_unit": "s"}, "timestamp_unit='s' needs timestamps, but plays.csv has no column"),
    ],
)
def test_a_file_that_is_no_table_is_refused(path, content, options, words):
    path.write_text(content)
    with pytest.raises(ValueError) as caught:
        Interactions.from_csv(path, **options)
    assert str(caught.value).startswith(words)


def test_bad_lines_of_all_kinds_are_skipped_and_counted(path):
    bad = [b"a", b"a,b,c,d", b'a,"b,3', b'a,"b"c,3', b",b,3", b"a,b,x", b"a\0,b,3", b"L\xe9o,b,3", b"a,b,"]
    good = [f"u{n},i{n},{n}".encode() for n in range(1 + len(bad))]
    lines = [line for pair in zip(good, bad) for line in pair]
    content = b"\n".join([b"user,item,rating", *lines, good[-1]])
    with pytest.warns(UserWarning, match=r"plays\.csv: 9 malformed lines were skipped; the first is line 3: expected 3"):
        rows = rows_of(path, content, on_bad_lines="skip")
    assert rows == [[f"u{n}", f"i{n}", n] for n in range(1 + len(bad))]


def test_nothing_is_said_where_no_line_is_bad(path):
    assert rows_of(path, "user,item\na,x\n", on_bad_lines="skip") == [["a", "x", 1]]
    with pytest.raises(ValueError, match="line 2: rating must be a finite number"):
        rows_of(path, "user,item,rating\na,x,?\n", on_bad_lines="skip")


def test_columns_of_numbers_without_use_are_named(path):
    path.write_text("user,item,listened,city,age\na,x,3,Rome,30\nb,y,4,7,31\n")
    with pytest.warns(UserWarning, match=r"plays\.csv has no column 'rating' .*\['listened', 'age'\] are not used") as caught:
        Interactions.from_csv(path)
    assert caught[0].filename == __file__


WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=6)


@given(
    rows=st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=6), quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
)
def test_what_the_csv_module_writes_is_read_or_refused(tmp_path_factory, rows, quoting):
    path = tmp_path_factory.getbasetemp() / "written.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL if quoting == "all" else csv.QUOTE_MINIMAL).writerows([["user", "item"], *rows])
    try:
        data = Interactions.from_csv(path, labels="text")
    except ValueError:  # a field of several lines, of which one may be an event by itself
        assert any(set("\r\n") & set(word) for row in rows for word in row)
    else:
        assert list(zip(data.user_ids[data.users], data.item_ids[data.items])) == rows


@pytest.fixture
def little_memory():
    """The process may take one GiB more than it has."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    n_pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (n_pages * resource.getpagesize() + 2**30, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.usefixtures("little_memory")
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs to know how much memory the process has")
@pytest.mark.parametrize("quoting", [csv.QUOTE_NONE, csv.QUOTE_MINIMAL])
@pytest.mark.parametrize("blank", ["\r", " \r", "\n \r", "\t\r", "\r\r \r"])
def test_blank_lines_that_end_with_a_return_are_left_out(path, blank, quoting):
    assert rows_of(path, f"user,item\na,x\r{blank} b,y\r", quoting=quoting) == [["a", "x", 1], [" b", "y", 1]]


@given(
    lines=st.lists(st.text(st.sampled_from('ab",\n\r 1'), max_size=8), min_size=1, max_size=6),
    quoting=st.sampled_from([csv.QUOTE_NONE, csv.QUOTE_MINIMAL]),
)
def test_no_line_is_lost(tmp_path_factory, lines, quoting):
    path = tmp_path_factory.getbasetemp() / "random.csv"
    path.write_text("user,item\n" + "\n".join(lines), encoding="utf-8", newline="")
    try:
        data = Interactions.from_csv(path, quoting=quoting)
    except ValueError as error:
        assert str(error).startswith("random.csv, line") or "no line after the header" in str(error)
    else:
        n_lines = sum(bool(line.strip()) for line in re.split(r"\r\n|\r|\n", "\n".join(lines)))
        labels = data.to_frame()[["user", "item"]].to_numpy().ravel()
        n_ends_in_labels = sum(str(label).count(end) for label in labels for end in "\r\n")
        assert len(data) <= n_lines <= len(data) + n_ends_in_labels


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("odd", "kind"),
    [
        ("7", int), ("0", int), (str(2**63 - 1), int), (str(2**63), str), ("007", str), ("00", str), ("+7", str), ("-7", str),
        (" 7", str), ("7 ", str), ("7.0", str), ("7e1", str), ("1a2", str), ("NA", str), ("True", str), ("\t7", str),
        ('"7"', int), ('"07"', str), ("1_0", str), ("٧", str),
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", [0, 1, 60])
def test_one_label_of_another_kind_makes_all_of_them_text(path, odd, kind, place, end):
    items = [str(number) for number in range(1, 61)]
    items.insert(place, odd)
    lines = [f"{number},{item},0.5" for number, item in enumerate(items)]
    path.write_text(end.join(["user,item,rating", *lines]), newline="", encoding="utf-8")
    table = Interactions.from_csv(path).to_frame()
    assert table["item"].tolist() == [kind(item.strip('"')) for item in items]
    assert table["user"].tolist() == list(range(61))  # the other column stays as it is


LABELS = st.one_of(st.integers(0, 20).map(str), st.text(st.sampled_from("01 7+-.ea"), min_size=1, max_size=3))


@given(pairs=st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=30), sep=st.sampled_from([",", "::", "\t"]))
def test_labels_are_integers_exactly_where_all_are_written_so(tmp_path_factory, pairs, sep):
    path = tmp_path_factory.getbasetemp() / "labels.csv"
    path.write_text("".join(f"{user}{sep}{item}\n" for user, item in [("user", "item"), *pairs]))
    table = Interactions.from_csv(path, sep=sep).to_frame()
    for column, words in zip(("user", "item"), zip(*pairs)):
        are_integers = all(re.fullmatch("0|[1-9][0-9]*", word) for word in words)
        assert table[column].tolist() == [int(word) if are_integers else word for word in words]


def test_lines_beyond_the_first_chunk_are_looked_at_too(path):
    lines = [f"{number % 900 + 100},{number % 77},{number % 5 / 2}" for number in range(60_000)]
    path.write_text("\n".join(["user,item,rating", *lines]))
    assert Interactions.from_csv(path).user_ids.tolist() == list(range(100, 1000))
    path.write_text("\n".join(["user,item,rating", *lines, "0100,3,1"]))
    data = Interactions.from_csv(path)
    assert data.user_ids.tolist() == ["0100", *map(str, range(100, 1000))] and data.item_ids.dtype.kind == "i"
    path.write_text("\n".join(["user,item,rating", *lines, "100,3", "101,3,1,1"]))
    with pytest.raises(ValueError, match="line 60002: expected 3 fields, got 2"):
        Interactions.from_csv(path)
