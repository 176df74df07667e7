"""The alerts of OPERATIONS as rules for Prometheus.

`python -m tests.alerts` writes `deploy/prometheus/alerts.yml` from the manual's table.
"""

import re
from dataclasses import dataclass

import yaml

from tests.source import ROOT

RULES = ROOT / "deploy/prometheus/alerts.yml"
HEAD = "# Made from the table of docs/OPERATIONS.md: `python -m tests.alerts`.\n"
ROW = re.compile(
    r"^\| (?P<name>\w+) \| `(?P<expression>[^`]+)` \| (?P<means>.+) \| (?P<do>.+) \|$",
    re.M,
)


@dataclass(frozen=True, slots=True)
class Alert:
    """A row of the table."""

    name: str
    expression: str
    means: str
    do: str

    def rule(self) -> dict[str, object]:
        """Return the rule: it fires after 2 minutes, unless it looks back itself."""
        looks_back = re.search(r"\[\d+[mh]\]", self.expression)
        return {
            "alert": self.name,
            "expr": self.expression,
            "for": "0m" if looks_back else "2m",
            "annotations": {"summary": self.means, "action": self.do},
        }


def alerts() -> list[Alert]:
    """Return the rows of the table, in its order."""
    manual = (ROOT / "docs/OPERATIONS.md").read_text()
    section = manual.split("\n## Alerts")[1].split("\n## ")[0]
    return [
        Alert(
            **{name: text.replace("\\|", "|") for name, text in row.groupdict().items()}
        )
        for row in ROW.finditer(section)
    ]


def rules() -> str:
    """Return the text of the file of rules."""
    group = {"name": "backhaul", "rules": [alert.rule() for alert in alerts()]}
    return HEAD + yaml.safe_dump(
        {"groups": [group]}, sort_keys=False, width=100, allow_unicode=True
    )


if __name__ == "__main__":
    RULES.write_text(rules())
