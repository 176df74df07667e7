"""States and provinces of the United States, Canada and Mexico.

Source: ISO 3166-2, without the country's prefix. No code is used by two countries.
"""


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


US_STATES = _codes(
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT"
    " NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY"
)
CA_PROVINCES = _codes("AB BC MB NB NL NS NT NU ON PE QC SK YT")
MX_STATES = _codes(
    "AGU BCN BCS CAM CHH CHP CMX COA COL DUR GRO GUA HID JAL MEX MIC MOR NAY NLE OAX"
    " PUE QUE ROO SIN SLP SON TAB TAM TLA VER YUC ZAC"
)

COUNTRY_OF: dict[str, str] = {
    **dict.fromkeys(sorted(US_STATES), "US"),
    **dict.fromkeys(sorted(CA_PROVINCES), "CA"),
    **dict.fromkeys(sorted(MX_STATES), "MX"),
}
"""The country (ISO 3166-1) of each code."""
