"""Small releases of MovieLens, and how to save them."""

import io
import zipfile
from pathlib import Path

# Releases as their publisher would make them, of three users and four films. Titles are outside ASCII, one of
# them belongs to two films, one holds the latin-1 "next line" character, at which str.splitlines would split.
TITLES = ["Léon (1994)", "Up\x85 (2009)", "Twins (1988)", "Twins (1988)"]
FLAGS = ["0|1" + "|0" * 17, "0|0|0|1|1|1" + "|0" * 13, "1" + "|0" * 18, "0" + "|0" * 18]
RATINGS = [(1, 1, 5, 881250949), (2, 3, 3, 881250950), (3, 4, 1, 881250940), (1, 2, 4, 881250941), (2, 4, 2, 881250999)]
HALF_STARS = [(user, item, stars - 0.5 if stars % 2 else stars, time) for user, item, stars, time in RATINGS]
FOLDS = [([0, 1, 2, 3], [4]), ([1, 0, 2, 4], [3]), ([0, 1, 3, 4], [2]), ([0, 2, 3, 4], [1]), ([4, 3, 2, 1], [0])]


def text_of(rows, separator) -> str:
    return "".join(separator.join(map(str, row)) + "\n" for row in rows)


def files_100k() -> dict[str, bytes]:
    dates = ["01-Jan-1995", "4-Feb-1971", "31-Dec-1988", ""]
    films = [(n, t, d, "", "http://x", f) for n, t, d, f in zip(range(1, 5), TITLES, dates, FLAGS)]
    people = [(1, 24, "M", "technician", "85711"), (2, 53, "F", "other", "0B1"), (3, 7, "M", "student", "02139")]
    parts = {f"u{n}.{part}": rows for n, fold in enumerate(FOLDS, 1) for part, rows in zip(("base", "test"), fold)}
    files = {"u.data": text_of(RATINGS, "\t"), "u.item": text_of(films, "|"), "u.user": text_of(people, "|")}
    files |= {name: text_of([RATINGS[row] for row in rows], "\t") for name, rows in parts.items()}
    return {name: text.encode("latin-1") for name, text in files.items()}


def files_1m() -> dict[str, bytes]:
    genres = ["Action", "Animation|Children's|Comedy", "Drama", "Drama"]
    people = [(1, "F", 1, 10, "48067"), (2, "M", 56, 16, "70072-1234"), (3, "M", 25, 0, "55117")]
    films = zip(range(1, 5), TITLES, genres)
    files = {"ratings.dat": RATINGS, "movies.dat": films, "users.dat": people}
    return {name: text_of(rows, "::").encode("latin-1") for name, rows in files.items()}


def files_10m() -> dict[str, bytes]:
    films = zip(range(1, 5), TITLES, ["Action", "Animation|Children|Comedy", "Drama", "(no genres listed)"])
    files = {"ratings.dat": HALF_STARS, "movies.dat": films}
    return {name: text_of(rows, "::").encode() for name, rows in files.items()}


def files_csv() -> dict[str, bytes]:
    films = '1,Léon (1994),Action\n2,"Up, again",Animation|Comedy\n3,"Say ""Hi"" (1899) (1990) ",(no genres listed)\n'
    films += "4,Death Note (2006–2007),Drama\n"
    files = {
        "movies.csv": "movieId,title,genres\n" + films,
        "ratings.csv": "userId,movieId,rating,timestamp\n" + text_of(HALF_STARS, ","),
    }
    return {name: text.replace("\n", "\r\n").encode() for name, text in files.items()}


CSV = ("latest-small", "20m", "25m", "32m")
FILES = {"100k": files_100k, "1m": files_1m, "10m": files_10m, **dict.fromkeys(CSV, files_csv)}


def folder_of(name: str) -> str:
    return "ml-10M100K" if name == "10m" else f"ml-{name}"


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return buffer.getvalue()


def in_folder(folder: str, files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{folder}/{name}": content for name, content in files.items()}


def save(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
