"""Files that get their name when they are whole, and what stands in the way of one, in a sentence."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
from pathlib import Path

from ..errors import InvalidInputError

__all__ = ["OutputFile", "cannot_write", "output_target", "reason_of"]

_REASONS = {
    errno.ENOSPC: "the disk is full (free some space, or choose another disk)",
    errno.EDQUOT: "your share of the disk is used up (free some space, or choose another disk)",
    errno.EFBIG: "the file may not grow any further (by a limit of the disk, or by `ulimit -f`)",
    errno.EROFS: "the disk is read-only (choose another)",
    errno.EACCES: "it may not be written to (choose another place)",
    errno.EPERM: "it may not be written to (choose another place)",
    errno.ENAMETOOLONG: "the name is too long (most disks take 255 bytes, choose a shorter one)",
    errno.ELOOP: "a symbolic link leads round in a circle (choose another name)",
    errno.EMFILE: "this process has too many files open (close some, or raise `ulimit -n`)",
    errno.ENFILE: "the machine has too many files open (close some)",
    errno.EIO: "the disk reports a failure (choose another)",
}
"""What happened, and what to do about it."""

_EXCLUSIVE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def cannot_write(path: str | os.PathLike[str], error: Exception) -> InvalidInputError:
    """Return the error to raise where the system refused to write `path`."""
    return InvalidInputError(f"cannot write {os.fspath(path)}: {reason_of(error)}")


def reason_of(error: Exception) -> str:
    """Return why the system refused to write, and what to do about it."""
    known = _REASONS.get(error.errno or 0) if isinstance(error, OSError) else None
    return f"{known}: {error.strerror}" if known and isinstance(error, OSError) else str(error)


def output_target(path: str | os.PathLike[str]) -> Path:
    """Return the absolute path of the file that writing `path` replaces or makes: links are followed.

    Raises `InvalidInputError` if the folder is missing or may not be written to, if there is something other
    than a regular file, or one without a permission to write, and for a name that the system refuses.
    """
    given = Path(path)
    try:
        target = Path(os.path.realpath(given))
        problem = _problem(given, target)
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise cannot_write(path, error) from error
    if problem is not None:
        raise InvalidInputError(f"cannot write {given}: {problem}")
    return target


def _problem(given: Path, target: Path) -> str | None:
    try:
        mode = given.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        mode = None
    folder = target.parent if given.is_symlink() else given.parent
    if mode is not None and not stat.S_ISREG(mode):
        return "it is not a regular file, choose another name"
    # Root may write to any file; one that nobody may write to is protected on purpose all the same.
    if mode is not None and not (mode & 0o222 and os.access(given, os.W_OK)):
        return "it is read-only: permit writing to it (chmod u+w), or choose another name"
    if not folder.is_dir():
        return f"there is no folder {folder}, make it first"
    if not os.access(folder, os.W_OK):
        return f"the folder {folder} may not be written to, choose another"
    return None


class OutputFile:
    """A file on its way to `path`: written as `temporary`, in the same folder, and named when it is whole.

    What `path` is, is settled now: a later change of the working folder makes no difference. A symbolic link
    stays one, the file that it leads to is replaced, and keeps its mode and owner; a new file gets those of
    any new file (the umask counts). Raises `InvalidInputError` as `output_target` does.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.target = output_target(path)
        self.temporary = self.target.with_name(f".{os.urandom(8).hex()}.tmp")

    def open(self) -> io.FileIO:
        """Make the temporary file and return it, unbuffered. Raises `OSError`."""
        # What replaces a private file is never open to others, not even on its way.
        mode = 0o600 if self.target.exists() else 0o666
        return io.FileIO(os.open(self.temporary, _EXCLUSIVE, mode), "wb")

    def commit(self) -> None:
        """Give the file its name. Raises `OSError`."""
        with contextlib.suppress(FileNotFoundError):
            old = self.target.stat()
            if hasattr(os, "chown") and (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
                with contextlib.suppress(OSError):  # only root may give files away
                    os.chown(self.temporary, old.st_uid, old.st_gid)
            self.temporary.chmod(stat.S_IMODE(old.st_mode))
        self.temporary.replace(self.target)

    def commit_as(self, name: Path) -> bool:
        """Give the file another name of the same folder, unless there is such a file. Raises `OSError`."""
        try:
            os.close(os.open(name, _EXCLUSIVE, 0o666))  # the name is ours, whoever else wants it now
        except FileExistsError:
            return False
        except OSError:  # a disk may be too full even for an empty file
            if os.path.lexists(name):
                return False
        try:
            self.temporary.replace(name)
        except OSError:
            name.unlink(missing_ok=True)
            raise
        return True

    def discard(self) -> None:
        """Remove what is not named; never fails."""
        with contextlib.suppress(OSError):
            self.temporary.unlink(missing_ok=True)
