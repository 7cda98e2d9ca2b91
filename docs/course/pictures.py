"""Run the code of the lessons on MovieLens 100K, print what a reader sees at the prompt, and write the pictures.

``python docs/course/pictures.py 1 2`` runs the first two lessons. A block whose page has pictures behind it, before the next
block, draws them in this order.
"""

import ast
import re
import sys
from io import BytesIO
from pathlib import Path

import pandas as pd
from matplotlib import pyplot
from PIL import Image

COURSE = Path(__file__).parent
BLOCK = re.compile(r"^```python\n(.*?)^```$(.*?)(?=^```python|\Z)", re.MULTILINE | re.DOTALL)
PICTURE = re.compile(r"^!\[[^]]*\]\((\S+\.png)\)$", re.MULTILINE)


def main(numbers):
    pd.set_option("display.width", 160, "display.max_columns", 12)
    for page in sorted(COURSE.glob("[0-9]_*.md")):
        if not numbers or page.name[0] in numbers:
            run(page)


def run(page):
    names = {"__name__": page.stem}
    for code, after in BLOCK.findall(page.read_text("utf-8")):
        for statement in ast.parse(code).body:
            show(statement, names)
        figures, files = [pyplot.figure(number) for number in pyplot.get_fignums()], PICTURE.findall(after)
        for figure, file in zip(figures[-len(files) :] if files else [], files, strict=True):
            save(figure, COURSE / file)
            print(f"--- {file}")
        pyplot.close("all")


def save(figure, file):
    """Write a small PNG file, with 128 colors."""
    content = BytesIO()
    figure.savefig(content)
    Image.open(content).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(file, optimize=True)


def show(statement, names):
    """Execute a statement. Print its value if it is an expression with one."""
    source = ast.unparse(statement)
    if not isinstance(statement, ast.Expr):
        exec(source, names)
    elif (value := eval(source, names)) is not None and "Display" not in type(value).__name__:
        print(f">>> {source}\n{value}")


if __name__ == "__main__":
    main(sys.argv[1:])
