"""Telephone numbers: read in any notation, kept as E.164."""

import re

import phonenumbers

HOME_REGION = "US"
"""The country of a number that has no country code."""


NANP = 1
"""The country code of the United States, Canada and the Caribbean."""

NANP_FORM = re.compile(r"(?:[2-9](?!11)[0-8][0-9])(?:[2-9](?!11)[0-9]{2})[0-9]{4}")
"""Area code, exchange, line. Source: North American Numbering Plan (ATIS-0300119)."""


def e164(number: str) -> str | None:
    """Return the number as E.164, such as +13125550142; None if it is not one.

    Extensions are dropped. Source: ITU-T E.164, as libphonenumber reads it.
    """
    parsed = _parsed(number)
    return None if parsed is None else _e164(parsed)


def dialable(number: str) -> str | None:
    """Return the number as E.164; None if no telephone network can have it.

    A local number such as 555-0142 is none. North America adds area codes all the time,
    so there the form decides and not the table of libphonenumber, which may be older;
    elsewhere the table decides.
    """
    parsed = _parsed(number)
    if parsed is None:
        return None
    is_valid = phonenumbers.is_valid_number(parsed)
    if parsed.country_code == NANP:
        national = phonenumbers.national_significant_number(parsed)
        is_valid = is_valid or NANP_FORM.fullmatch(national) is not None
    return _e164(parsed) if is_valid else None


def _parsed(number: str) -> phonenumbers.PhoneNumber | None:
    try:
        parsed = phonenumbers.parse(number, HOME_REGION)
    except phonenumbers.NumberParseException:
        return None
    return parsed if phonenumbers.is_possible_number(parsed) else None


def _e164(parsed: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
