"""Telephone numbers: many ways to write one, one way to keep it."""

import phonenumbers

HOME_REGION = "US"
"""Where a number without a country code is dialled."""


def e164(number: str) -> str | None:
    """Return the number as E.164, such as +13125550142; None if it is none.

    Extensions are dropped. Source: ITU-T E.164, as libphonenumber reads it.
    """
    try:
        parsed = phonenumbers.parse(number, HOME_REGION)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
