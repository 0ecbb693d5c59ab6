#!/usr/bin/env python3
"""Prepares the pages of docs/ for mdBook, which runs it (book.toml).

- A page with the comment `book: PATH` shows that file of the project: `docs/security.md` shows `SECURITY.md`.
- A link out of docs/ leads to the page that shows the file. If there is none, it leads to the repository
  (`git-repository-url` in book.toml), or becomes plain text where no repository is named.
- Comments are left out: they are for `scripts/eject.sh` and for other programs.

A link to a file that does not exist stops the build.
"""

import json
import os
import re
import sys
from pathlib import Path

SHOWN = re.compile(r"^<!-- book: (\S+) -->$", re.M)
# Code, which is left alone, or comments: those of a line with nothing else take the line along.
COMMENT = re.compile(r"(`[^`\n]*`)|^(?:[ \t]*<!-- .*?-->)+[ \t]*\n|[ \t]*<!-- .*?-->", re.M)
FENCE = re.compile(r"^ *(`{3,}|~{3,}).*?^ *\1[`~]*[ \t]*$", re.M | re.S)
# Code, which is left alone, or a link or an image.
LINK = re.compile(r"`[^`\n]*`|(!?\[(?:[^\[\]`]|`[^`]*`)*\])\(([^()\s]+)\)")


class Book:
    def __init__(self, context, chapters):
        self.root = Path(context["root"])
        self.folder = context["config"]["book"].get("src", "src")
        html = context["config"].get("output", {}).get("html", {})
        self.repository = html.get("git-repository-url", "").rstrip("/")
        self.shown, self.pages, self.faults = {}, {}, []
        for chapter in chapters:
            page = os.path.join(self.folder, chapter["path"])
            self.pages[page] = page
            if found := SHOWN.search(chapter["content"]):
                file = os.path.normpath(os.path.join(os.path.dirname(page), found[1]))
                self.shown[page] = file
                self.pages[file] = page

    def prepare(self, chapter):
        page = os.path.join(self.folder, chapter["path"])
        source = self.shown.get(page, page)
        text = (self.root / source).read_text() if source != page else chapter["content"]
        done, at = [], 0
        # Code is left as it is.
        for code in FENCE.finditer(text):
            done += [self.links(text[at : code.start()], source, page), code[0]]
            at = code.end()
        chapter["content"] = "".join([*done, self.links(text[at:], source, page)])

    def links(self, text, source, page):
        return LINK.sub(lambda it: self.link(it, source, page), COMMENT.sub(lambda it: it[1] or "", text))

    def link(self, found, source, page):
        text, target = found.groups()
        if not text or re.match(r"[a-z]+:|#|/", target):
            return found[0]
        path, hash_, anchor = target.partition("#")
        file = os.path.normpath(os.path.join(os.path.dirname(source), path))
        if not (self.root / file).exists():
            self.faults.append(f"{source}: there is no {path}")
        if file in self.pages or (file.startswith(f"{self.folder}/") and not file.endswith(".md")):
            inside = os.path.relpath(self.pages.get(file, file), os.path.dirname(page))
            return f"{text}({inside}{hash_}{anchor})"
        if not self.repository:
            return text.strip("![]")
        kind = "tree" if (self.root / file).is_dir() else "blob"
        return f"{text}({self.repository}/{kind}/HEAD/{file}{hash_}{anchor})"


def chapters(items):
    for item in items:
        if isinstance(item, dict) and (chapter := item.get("Chapter")):
            if chapter.get("path"):
                yield chapter
            yield from chapters(chapter["sub_items"])


def main():
    if sys.argv[1:2] == ["supports"]:
        return 0
    context, content = json.load(sys.stdin)
    found = list(chapters(content["items"]))
    book = Book(context, found)
    for chapter in found:
        book.prepare(chapter)
    if book.faults:
        print("\n".join(book.faults), file=sys.stderr)
        return 1
    json.dump(content, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
