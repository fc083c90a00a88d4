"""The Swift heads of a proto file: what scripts/protos writes to Sources/Wire/Heads/Generated.

A message becomes a struct, and reads and fills the C struct that protobuf-c packs and unpacks, member by member: a field that
the C lacks, or has under another type, does not compile. Field numbers stand in the C alone.

Names are camel case, with an `id` as `ID`: `log_id` is `logID`. What else a field needs stands in its comment, as the head of
the proto file says.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet

COLUMNS = 126
# Numbers of fields in descriptor.proto, of which the paths of comments are made.
MESSAGES, FIELDS = 4, 2
SCALARS = {
    FieldDescriptorProto.TYPE_UINT32: ("UInt32", "0"),
    FieldDescriptorProto.TYPE_UINT64: ("UInt64", "0"),
    FieldDescriptorProto.TYPE_INT64: ("Int64", "0"),
    FieldDescriptorProto.TYPE_BOOL: ("Bool", "false"),
}
SWIFT_KEYWORDS = {
    "as", "case", "catch", "class", "default", "defer", "do", "else", "enum", "extension", "false", "for", "func", "guard", "if",
    "import", "in", "init", "is", "let", "nil", "operator", "protocol", "repeat", "return", "self", "static", "struct", "super",
    "switch", "throw", "true", "try", "var", "where", "while",
}
# protobuf-c puts an underscore behind a member that C or C++ has a word for.
C_KEYWORDS = {
    "and", "auto", "bool", "break", "case", "catch", "char", "class", "const", "continue", "default", "delete", "do", "double",
    "else", "enum", "explicit", "extern", "false", "float", "for", "friend", "goto", "if", "inline", "int", "long", "mutable",
    "namespace", "new", "not", "operator", "or", "private", "protected", "public", "register", "return", "short", "signed",
    "sizeof", "static", "struct", "switch", "template", "this", "throw", "true", "try", "typedef", "union", "unsigned", "using",
    "virtual", "void", "volatile", "while", "xor",
}
# How each head is a `Head`.
CODING = """
    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }""".split("\n")


class Unsupported(Exception):
    """The proto file has something that heads do not have: which, and what to write instead."""


@dataclass
class Field:
    """One field, as Swift, C and the wire have it."""

    proto: FieldDescriptorProto
    comment: str
    message: str

    def __post_init__(self) -> None:
        kind, repeated = self.proto.type, self.proto.label == FieldDescriptorProto.LABEL_REPEATED
        self.name = camel(self.proto.name)
        self.property = f"`{self.name}`" if self.name in SWIFT_KEYWORDS else self.name
        self.member = self.proto.name + "_" * (self.proto.name in C_KEYWORDS)
        self.is_repeated = repeated
        self.is_message = kind == FieldDescriptorProto.TYPE_MESSAGE
        self.is_bytes = says(self.comment, "Bytes")
        self.is_text = kind == FieldDescriptorProto.TYPE_BYTES and not self.is_bytes
        self.is_optional = says(self.comment, "Absent")
        if self.is_message:
            self.element, default = self.proto.type_name.rpartition(".")[2], ""
        elif kind == FieldDescriptorProto.TYPE_BYTES:
            self.element, default = ("[UInt8]", "[]") if self.is_bytes else ("String", '""')
        elif kind in SCALARS:
            self.element, default = SCALARS[kind]
        else:
            raise self.unsupported("has a type that heads do not have: use uint32, uint64, int64, bool, bytes or a message")
        if repeated and (self.is_optional or not (self.is_message or self.is_text or self.element == "UInt32")):
            raise self.unsupported("repeats: that takes text, uint32 or messages, and its absence means none")
        if self.is_message and not repeated and not self.is_optional:
            raise self.unsupported("is a message: its comment has to say what its absence means, after 'Absent:'")
        if self.is_bytes and kind != FieldDescriptorProto.TYPE_BYTES:
            raise self.unsupported("is no bytes field, and its comment says 'Bytes:'")
        self.default = self.proto.default_value or default

    def unsupported(self, reason: str) -> Unsupported:
        return Unsupported(f"{self.message}.{self.proto.name} {reason}")

    @property
    def declaration(self) -> str:
        if self.is_repeated:
            return f"{self.property}: [{self.element}] = []"
        if self.is_optional:
            return f"{self.property}: {self.element}?"
        if self.default in ("false", '""'):
            return f"{self.property} = {self.default}"
        return f"{self.property}: {self.element} = {self.default}"

    @property
    def reading(self) -> str:
        """The statement that takes the field out of the C struct `c`."""
        value = f"c.{self.member}"
        if self.is_repeated:
            reader = "heads" if self.is_message else "texts" if self.is_text else "integers"
            number = f", {self.proto.number}" if self.is_text else self.nested
            attempt = "" if reader == "integers" else "try "
            return f"{self.property} = {attempt}unsafe ProtobufCReader.{reader}({value}, c.n_{self.member}{number})"
        if self.is_message:
            return f"{self.property} = try unsafe ProtobufCReader.head({value}{self.nested})"
        attempt = ""
        if self.is_text:
            value, attempt = f"{value}.text({self.proto.number})", "try "
        elif self.is_bytes:
            value = f"{value}.bytes"
        elif self.element == "Bool":
            value = f"{value} != 0"
        if self.is_optional:
            value = f"c.has_{self.member} == 0 ? nil : {value}"
        return f"{self.property} = {attempt}unsafe {value}"

    @property
    def nested(self) -> str:
        """What reads the message that the field holds."""
        return f", {self.element}.init(reading:)" if self.is_message else ""

    @property
    def writing(self) -> str:
        """The statement that puts the field into the C struct `c`."""
        presence = f", &c.n_{self.member}" if self.is_repeated else "" if self.is_message else f", &c.has_{self.member}"
        value = self.property + ".map { unsafe $0.message(in: arena) }" * self.is_message
        return f"unsafe arena.put({value}, &c.{self.member}{presence})"


def files(descriptors: bytes) -> dict[str, str]:
    """The Swift files, by name, of a serialized FileDescriptorSet with source information."""
    file = FileDescriptorSet.FromString(descriptors).file[0]
    comments = {tuple(place.path): place for place in file.source_code_info.location}
    names = {field.name for message in file.message_type for field in message.field}
    found: dict[str, list[str]] = {}
    section = ""
    for index, message in enumerate(file.message_type):
        for paragraph in comments[MESSAGES, index].leading_detached_comments:
            if heading := re.match(r"\s*([A-Z][A-Za-z]*): ", paragraph):
                section = heading[1]
                found[section] = [head_of_file(paragraph)]
        if not section:
            raise Unsupported(f"{message.name} stands before the first paragraph that names a file, as `Gets: …` does")
        fields = [
            Field(field, text_of(comments[MESSAGES, index, FIELDS, number]), message.name)
            for number, field in enumerate(message.field)
        ]
        found[section].append(swift(file, message, text_of(comments[MESSAGES, index]), fields, names))
    return {f"{name}.swift": "\n".join(parts) for name, parts in found.items()}


def head_of_file(paragraph: str) -> str:
    made = "// Made by `make protos` of Protos/headwater.proto: change that.\n//\n"
    return made + commented(" ".join(paragraph.split()), "// ") + "\ninternal import CHeadwaterProto\npackage import FeatureModel\n"


def swift(file: FileDescriptorProto, message: DescriptorProto, comment: str, fields: list[Field], names: set[str]) -> str:
    """The struct of a message, and how it reads and fills the C struct."""
    c_type = "__".join(part[0].upper() + part[1:] for part in file.package.split(".")) + f"__{message.name}"
    c_init = "__".join([*file.package.split("."), c_name(message.name), "init"])
    lines = [commented(in_swift(comment, names), "/// ").rstrip(), f"package struct {message.name}: Head {{"]
    for field in fields:
        if field.comment:
            lines.append(commented(in_swift(field.comment, names), "    /// ").rstrip())
        lines.append(f"    package var {field.declaration}")
    if fields:
        lines.append("")
    lines += ["    package init() {}", "}", ""]
    lines += [f"extension {message.name} {{", f"    private static func blank() -> {c_type} {{"]
    lines += [f"        var c = unsafe {c_type}()", f"        unsafe {c_init}(&c)", "        return unsafe c", "    }", ""]
    lines += body(f"init(reading {'c' if fields else '_'}: {c_type}) throws(HeadwaterError)", [f.reading for f in fields])
    lines += ["", f"    func message(in {'arena' if fields else '_'}: ProtobufCArena) -> {c_type} {{"]
    if fields:
        writing = [f"        {field.writing}" for field in fields]
        lines += ["        var c = unsafe Self.blank()", *writing, "        return unsafe c", "    }"]
    else:
        lines += ["        unsafe Self.blank()", "    }"]
    lines += CODING
    return "\n".join([*lines, "}", ""])


def body(signature: str, statements: list[str]) -> list[str]:
    if not statements:
        return [f"    {signature} {{}}"]
    return [f"    {signature} {{", *(f"        {statement}" for statement in statements), "    }"]


def camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join("ID" if word == "id" else word[0].upper() + word[1:] for word in others)


def c_name(message: str) -> str:
    """The message's name in protobuf-c's functions: an underscore before a capital that does not follow one."""
    return re.sub(r"(?<=[^A-Z])(?=[A-Z])", "_", message).lower()


def says(comment: str, word: str) -> bool:
    """Whether a sentence of the comment begins with this word and a colon."""
    return re.search(rf"(?:^|[.;:] ){word}: ", comment) is not None


def text_of(place) -> str:
    """The comment before or behind a declaration, as one line a paragraph."""
    paragraphs = re.split(r"\n\s*\n", place.leading_comments + "\n\n" + place.trailing_comments)
    return "\n".join(" ".join(paragraph.split()) for paragraph in paragraphs if paragraph.strip())


def in_swift(comment: str, names: set[str]) -> str:
    """The comment with Swift's names of fields, where it has names in backticks."""
    code = re.compile(r"`[^`]*`")
    return code.sub(lambda found: re.sub(r"\w+", lambda w: camel(w[0]) if w[0] in names else w[0], found[0]), comment)


def commented(text: str, mark: str) -> str:
    lines = []
    for paragraph in text.split("\n"):
        lines += [mark.rstrip()] * bool(lines)
        width = COLUMNS - len(mark)
        lines += [mark + line for line in textwrap.wrap(paragraph, width, break_long_words=False, break_on_hyphens=False)]
    return "\n".join(lines) + "\n"
