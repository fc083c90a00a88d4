"""The commands and options that the programs of this repository take, read from their declarations, and where texts name others.

What `headwater` takes stands in the sources as declarations of swift-argument-parser: types with a `CommandConfiguration`, and
properties behind `@Option`, `@Flag` and `@OptionGroup`. A message, a help text or a page that names a command or an option is held
against them, so that no advice leads nowhere.
"""

import re

from swift_text import closing, code_of, line_of, tokens

ROOT_COMMAND = "headwater"
ROOT_FOLDER = "Sources/headwater/"
# Every program answers to these, without a declaration of its own.
ALWAYS = {"--help", "--version"}
# Options of other people's programs that messages name.
FOREIGN = {"--ulimit": "docker run"}

TYPE = re.compile(r"\b(?:struct|class|enum|extension)\s+(\w+)[^{};]*\{")
PROPERTY = re.compile(r"@(Option|Flag|OptionGroup)\b")
VARIABLE = re.compile(r"\s*(?:@\w+\s+)*(?:(?:public|package|private|internal)\s+)?var\s+(\w+)\s*(?::\s*([\w.]+))?")
CUSTOM_NAME = re.compile(r'\.customLong\(\s*"([\w-]+)"')
ARGPARSE = re.compile(r'add_argument\(\s*"(--[a-z][\w-]*)"')

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9]*(?:-[a-z0-9]+)*(?![\w*-])")
# A place where a command may begin: of a line, of something in quotes or parentheses, or behind what the shell takes for an end.
IN_CODE = re.compile(r"(?:^|[`'(|;&])[ \t]*(?:\$ )?(?:until |if |while |\w+=\S+ )*(?:[\w./-]+/)?headwater[ \t]+(?=[a-z-])", re.M)
IN_MESSAGE = re.compile(r"(?:'|^[ \t]+)headwater[ \t]+(?=[a-z-])", re.M)
END_OF_COMMAND = re.compile(r"[`'|;&\n)#]")
SPAN = re.compile(r"`([^`\n]+)`")


class Commands:
    """What the programs take: the subcommands and options of each command of `headwater`, and the options of the others together.

    `own_options` are those of what users install: `headwater`, and `headwater-tables`, which it calls.
    """

    def __init__(self, files):
        self.types = {}
        others = {}
        for path, text in files.items():
            if path.endswith(".swift") and "ArgumentParser" in text:
                read_types(text, self.types if path.startswith(ROOT_FOLDER) else others)
        self.names = {self.command_name(name): name for name in self.types}
        self.root = self.names.get(ROOT_COMMAND)
        self.own_options = options_of(self.types) | options_in_python(files, "Clients/python/src/")
        self.all_options = self.own_options | options_of(others) | options_in_python(files, "")

    def command_name(self, type_name):
        return self.types[type_name]["name"] or words_of(type_name)

    def options(self, type_name):
        """Options of a command: its own, and those of its groups of options."""
        here = self.types.get(type_name, {"options": set(), "groups": set()})
        return set(here["options"]).union(*(self.options(group) for group in here["groups"]))

    def problem(self, arguments):
        """What is wrong with the arguments behind `headwater`, as far as names of commands and options go; None if nothing is."""
        command, path = self.root, ROOT_COMMAND
        words = arguments.split()
        if words[:1] == ["help"]:
            words = words[1:]
        while words and self.types[command]["subcommands"]:
            word = words[0].strip(",.:\"")
            if not re.fullmatch(r"[a-z][a-z-]*", word):
                break
            known = {self.command_name(each): each for each in self.types[command]["subcommands"]}
            if word not in known:
                return f"there is no command '{path} {word}'"
            command, path, words = known[word], f"{path} {word}", words[1:]
        allowed = self.options(command) | ALWAYS
        if command == self.root:
            allowed |= self.own_options
        for option in OPTION.findall(" ".join(words)):
            if option not in allowed:
                return f"'{path}' has no option {option}"
        return None

    def problems_in_message(self, text):
        """(place, problem) for each name in a string literal that leads nowhere."""
        joined = re.sub(r"\\\n[ \t]*", lambda match: " " * len(match[0]), text)
        yield from self.commands_in(joined, IN_MESSAGE)
        for match in OPTION.finditer(joined):
            if match[0] not in self.own_options:
                yield match.start(), f"no command has an option {match[0]}"

    def problems_in_page(self, text):
        """(place, problem) for each name in Markdown's code that leads nowhere: in code blocks, and between backquotes."""
        for at, code, is_block in code_in(text):
            joined = re.sub(r"\\\n", "  ", code)
            for place, problem in self.commands_in(joined, IN_CODE):
                yield at + place, problem
            if not is_block and code.startswith("--"):
                for match in OPTION.finditer(code):
                    if match[0] not in self.all_options:
                        yield at + match.start(), f"no command has an option {match[0]}"

    def commands_in(self, text, beginning):
        for match in beginning.finditer(text):
            end = END_OF_COMMAND.search(text, match.end())
            if problem := self.problem(text[match.end():end.start() if end else len(text)]):
                yield match.end(), problem


def findings(files):
    """(path, line, message) for each name of a command or an option that does not exist."""
    commands = Commands(files)
    if commands.root is None:
        yield ROOT_FOLDER, 1, f"no command is called '{ROOT_COMMAND}' here: names of commands cannot be checked"
        return
    for path, text in files.items():
        if path.endswith(".swift") and path.startswith("Sources/"):
            for kind, start, end in tokens(text):
                if kind == "string":
                    for place, problem in commands.problems_in_message(text[start:end]):
                        yield path, line_of(text, start + place), problem
        elif path.endswith(".md"):
            for place, problem in commands.problems_in_page(text):
                yield path, line_of(text, place), problem
        elif path.endswith(".sh") or (path.endswith(".py") and path.startswith(("Clients/python/src/", "examples/"))):
            beginning = IN_CODE if path.endswith(".sh") else IN_MESSAGE
            for place, problem in commands.commands_in(text, beginning):
                yield path, line_of(text, place), problem


def options_of(types):
    return set().union(ALWAYS, FOREIGN, *(each["options"] for each in types.values()))


def options_in_python(files, folder):
    """Options that argparse takes in the scripts and modules below a folder."""
    return {name for path, text in files.items() if path.startswith(folder) for name in ARGPARSE.findall(text)}


def read_types(text, types):
    """Adds what the types of a file declare: name, subcommands, options, groups of options. A type may stand in several places."""
    code = code_of(text)
    bodies = [(match[1], match.end() - 1, closing(code, match.end() - 1)) for match in TYPE.finditer(code)]
    for name, start, end in bodies:
        here = types.setdefault(name, {"name": None, "subcommands": [], "options": set(), "groups": set()})
        inner = [(s, e) for _, s, e in bodies if start < s and e < end]
        for match in re.finditer(r"\bCommandConfiguration\(", code[start:end]):
            read_configuration(code, text, start + match.end() - 1, here)
        for match in PROPERTY.finditer(code, start, end):
            if not any(s < match.start() < e for s, e in inner):
                read_property(code, text, match, here)


def read_configuration(code, text, start, here):
    end = closing(code, start)
    if name := re.search(r'\bcommandName:\s*"([\w-]+)"', text[start:end]):
        here["name"] = name[1]
    for subcommands in re.finditer(r"\bsubcommands:\s*\[([^\]]*)\]", code[start:end]):
        here["subcommands"] += re.findall(r"(\w+)\.self", subcommands[1])


def read_property(code, text, match, here):
    at = match.end()
    arguments = ""
    if code.startswith("(", at):
        end = closing(code, at)
        arguments, at = text[at:end], end + 1
    variable = VARIABLE.match(code, at)
    if not variable:
        return
    if match[1] == "OptionGroup":
        here["groups"].add(variable[2])
        return
    names = CUSTOM_NAME.findall(arguments) or [words_of(variable[1])]
    here["options"] |= {"--" + name for name in names}
    if ".prefixedNo" in arguments:
        here["options"] |= {"--no-" + name for name in names}


def words_of(name):
    """`logBytesMax` as the parser spells it: `log-bytes-max`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"-\1", name).lower()


def code_in(text):
    """(place, code, whether it is a block) for each code block and each span between backquotes of a Markdown page."""
    at, inside, block_start = 0, False, 0
    for line in text.splitlines(keepends=True):
        if line.lstrip().startswith("```"):
            if inside:
                yield block_start, text[block_start:at], True
            inside, block_start = not inside, at + len(line)
        elif not inside:
            for span in SPAN.finditer(line):
                yield at + span.start(1), span[1], False
        at += len(line)
