"""Looking at a ZIP and its XML before anything unpacks or parses it: bombs, entities, macros, links to elsewhere."""

from __future__ import annotations

import io
import zipfile

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from contracts.errors import DocumentRefused
from knowledge.settings import IngestSettings

_CHUNK = 1 << 16


def open_checked(data: bytes, source: str, settings: IngestSettings) -> zipfile.ZipFile:
    """The archive, after a look at its directory and a full unpacking into nothing that counts real bytes.

    A directory can lie about sizes, so what counts is what comes out. Raises DocumentRefused.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        members = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise DocumentRefused(f"{source}: is a damaged ZIP file; save the document again and add that") from error
    if len(members) > settings.max_members:
        raise _bomb(source, f"{len(members)} files in one archive")
    limit, total = settings.max_unpacked_bytes, 0
    for member in members:
        if member.flag_bits & 1:
            raise DocumentRefused(f"{source}: is encrypted; save it without a password and add it again")
        total += member.file_size
        packed = max(1, member.compress_size)
        if total > limit or (member.file_size > 1 << 20 and member.file_size / packed > settings.max_ratio):
            raise _bomb(source, f"{member.filename[:80]!r} unpacks to {member.file_size} bytes from {packed}")
    total = 0
    for member in members:
        try:
            with archive.open(member) as stream:
                while chunk := stream.read(_CHUNK):
                    total += len(chunk)
                    if total > limit:
                        raise _bomb(source, f"it unpacks to more than {limit} bytes")
        except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError, RuntimeError) as error:
            raise DocumentRefused(f"{source}: is a damaged ZIP file; save the document again and add that") from error
    return archive


def check_xml(archive: zipfile.ZipFile, source: str) -> None:
    """Parse each XML part with a parser that allows no DTD. Raises DocumentRefused."""
    for name in archive.namelist():
        if not name.lower().endswith((".xml", ".rels")):
            continue
        try:
            fromstring(archive.read(name), forbid_dtd=True, forbid_entities=True, forbid_external=True)
        except DefusedXmlException as error:
            raise DocumentRefused(
                f"{source}: {name} defines XML entities or a DTD, which no word processor writes; "
                "save the text in a new document and add that"
            ) from error
        except (ParseError, ValueError, LookupError) as error:
            raise DocumentRefused(
                f"{source}: {name} in it is damaged; open and save the document again and add that"
            ) from error


def _bomb(source: str, what: str) -> DocumentRefused:
    return DocumentRefused(
        f"{source}: would unpack to far too much ({what}); if it is no attack, save its text in a smaller document"
    )
