"""How a phone is reached: the two kinds of push target and the two platforms."""

from enum import StrEnum


class TargetKind(StrEnum):
    """A Firebase installation id, or the older registration token."""

    FID = "fid"
    TOKEN = "token"


class Platform(StrEnum):
    """The phone's operating system."""

    ANDROID = "android"
    IOS = "ios"
