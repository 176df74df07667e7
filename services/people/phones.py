"""Telephone numbers: read in any notation, kept as E.164."""

import phonenumbers

HOME_REGION = "US"
"""The country of a number that has no country code."""


def e164(number: str) -> str | None:
    """Return the number as E.164, such as +13125550142; None if it is not one.

    Extensions are dropped. Source: ITU-T E.164, as libphonenumber reads it.
    """
    try:
        parsed = phonenumbers.parse(number, HOME_REGION)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
