"""What the linters need to know of Swift source: where comments, string literals and code stand in it."""

import re

OPENING = re.compile(r'//[^\n]*|/\*|(?P<hashes>#*)(?P<quote>"""|")')


def tokens(text):
    """Comments and string literals, in order: (kind, start, end), the kind being "comment" or "string"."""
    at = 0
    while match := OPENING.search(text, at):
        if match[0] == "/*":
            kind, end = "comment", end_of_comment(text, match.end())
        elif match[0].startswith("//"):
            kind, end = "comment", match.end()
        else:
            kind, end = "string", end_of_string(text, match.end(), match["quote"], match["hashes"])
        yield kind, match.start(), end
        at = end


def code_of(text):
    """The source with comments and string literals blanked out, line by line as it was."""
    out, at = [], 0
    for _, start, end in tokens(text):
        out += [text[at:start], re.sub(r"[^\n]", " ", text[start:end])]
        at = end
    return "".join(out) + text[at:]


def end_of_comment(text, at):
    depth = 1
    while depth > 0 and (match := re.compile(r"/\*|\*/").search(text, at)):
        depth += 1 if match[0] == "/*" else -1
        at = match.end()
    return at if depth == 0 else len(text)


def end_of_string(text, at, quote, hashes):
    """The end of the literal; a quote inside an interpolation's parentheses does not end it."""
    depth = 0
    while at < len(text):
        if depth == 0 and text.startswith(quote + hashes, at):
            return at + len(quote + hashes)
        if text.startswith("\\" + hashes, at):
            at += 1 + len(hashes)
            if text.startswith("(", at) or depth > 0:
                depth += text.startswith("(", at)
            at += 1
            continue
        if depth > 0:
            depth += (text[at] == "(") - (text[at] == ")")
        elif text[at] == "\n" and quote == '"':
            return at
        at += 1
    return len(text)


def line_of(text, at):
    """The number of the line, from 1, in which the character stands."""
    return text.count("\n", 0, at) + 1


def closing(code, at):
    """Where the bracket that opens at `at` is closed; `code` has neither comments nor strings."""
    depth = 0
    for place in range(at, len(code)):
        depth += (code[place] in "({[") - (code[place] in ")}]")
        if depth == 0:
            return place
    return len(code)
