"""What a measurement prints: a title and aligned rows."""

from dataclasses import dataclass, field


@dataclass
class Table:
    """Rows of text under headings; `show` aligns them."""

    title: str
    headings: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, *cells: str) -> None:
        """Add a row, one cell a heading."""
        if len(cells) != len(self.headings):
            raise ValueError(f"{self.title}: {len(cells)} cells for {self.headings}")
        self.rows.append(cells)

    def show(self) -> str:
        """Return the table as Markdown."""
        lines = [self.headings, *self.rows]
        widths = [max(len(row[at]) for row in lines) for at in range(len(lines[0]))]

        def line(row: tuple[str, ...]) -> str:
            cells = (
                cell.rjust(width) if at else cell.ljust(width)
                for at, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            return f"| {' | '.join(cells)} |"

        rule = "|".join(
            "-" * (w + 1) + (":" if i else "-") for i, w in enumerate(widths)
        )
        body = "\n".join(line(row) for row in self.rows)
        return f"### {self.title}\n\n{line(self.headings)}\n|{rule}|\n{body}\n"
