"""Characters that show nothing, so that a text with them misleads its reader."""

from unicodedata import category

SHOW_NOTHING = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})
"""Categories of characters that show nothing, or something else on each computer
(private use)."""

BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0\ufffc\U00013441\U00013442\U0001d159")
"""Letters and symbols that are blank: Hangul fillers, the empty Braille pattern, the
place of an object, blank hieroglyphs, the null notehead."""

MARKS = frozenset({"Mn", "Me"})
"""Categories of marks, which show something only on another character."""

UNSEEN_MARKS = frozenset("\u034f\u17b4\u17b5")
SELECTORS = ("\u180b", "\u180f"), ("\ufe00", "\ufe0f"), ("\U000e0100", "\U000e01ef")
"""Marks that show nothing on another character either, and the ranges of variation
selectors. Source: Default_Ignorable_Code_Point."""


def is_seen_alone(character: str) -> bool:
    """Say whether a text of this character alone shows something."""
    return not (_is_blank(character) or category(character) in MARKS)


def is_unseen(character: str) -> bool:
    """Say whether the character shows nothing wherever it stands."""
    return (
        _is_blank(character)
        or character in UNSEEN_MARKS
        or any(first <= character <= last for first, last in SELECTORS)
    )


def _is_blank(character: str) -> bool:
    return category(character) in SHOW_NOTHING or character in BLANKS
