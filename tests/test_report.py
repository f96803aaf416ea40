"""``report``: one page, checked by a parser, a browser and a comparison of its figures."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from support import browser
from support.cli import Result, etl
from support.published import ask, copy_of, one
from support.small import ICAP, run, set_cell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGEST_SIZE = 600_000
SECONDS = 6

HEADINGS = [
    "Resumen",
    "IMOR: INVEX contra el sistema",
    "Los diez bancos mayores y su capital",
    "Cartera del sistema por segmento",
    "IMOR de los bancos mayores, mes a mes",
    "Los bancos mayores en cifras",
    "Qué cambió",
    "Avisos",
]


class _Page(HTMLParser):
    """The relevant parts of a page: headings, attributes of elements, and text by the class of its element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[tuple[str, str]] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, list[str]] = {}
        self._open: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open.append((tag, dict(attrs).get("class") or tag))
        if tag in {"h1", "h2", "h3"}:
            self.headings.append((tag, ""))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open and data.strip():
            tag, name = self._open[-1]
            self.text.setdefault(name, []).append(data.strip())
            if tag in {"h1", "h2", "h3"}:
                self.headings[-1] = (tag, self.headings[-1][1] + data.strip())

    def labelled(self, role: str) -> list[str]:
        return [attributes.get("aria-label") or "" for _, attributes in self.elements if attributes.get("role") == role]


def write(dsn: str, folder: Path, *options: str) -> tuple[Result, str]:
    target = folder / "informe.html"
    done = etl("report", "--out", target, *options, BANKADVISOR_DSN=dsn)
    return done, target.read_text(encoding="utf-8") if target.exists() else ""


@pytest.fixture(scope="module")
def database(published_template: str) -> Iterator[str]:
    with copy_of(published_template) as dsn:
        yield dsn


@pytest.fixture(scope="module")
def page(database: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    done, text = write(database, folder)
    assert (done.code, done.err) == (0, "")
    assert done.out.strip() == str(folder / "informe.html")
    assert done.cpu < SECONDS
    assert text
    return folder / "informe.html"


def test_it_is_one_small_file_that_asks_for_nothing(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(text.encode()) < LARGEST_SIZE
    assert "<script" not in text
    assert set(re.findall(r"https?://[^\s\"'<)]+", text)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    for tag, attributes in _Page(text).elements:
        for name in ("src", "href", "xlink:href", "action", "poster"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "data:")), (tag, value)
    assert set(re.findall(r"url\((.)", text)) <= {"#"}
    assert "@import" not in text


def test_ids_are_unique_and_what_refers_finds_one(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]+)\)", text)) <= set(ids)
    assert set(re.findall(r'aria-labelledby="([^"]+)"', text)) <= set(ids)


def test_headings_lead_through_it_and_every_drawing_is_told_in_words(page: Path) -> None:
    parsed = _Page(page.read_text(encoding="utf-8"))
    levels = [int(tag[1]) for tag, _ in parsed.headings]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert [text for tag, text in parsed.headings if tag == "h2"] == HEADINGS
    drawings = parsed.labelled("img")
    figures = [text for text in drawings if not text.startswith("IMOR de ")]
    assert len(figures) == 4
    assert all(len(text) > 60 and re.search(r"\d", text) and text.endswith(".") for text in figures)
    assert len(drawings) == len(set(drawings))
    assert len(drawings) > 20
    hidden = [attributes for tag, attributes in parsed.elements if tag == "svg" and attributes.get("aria-hidden")]
    assert len(hidden) == 4
    assert [a["lang"] for tag, a in parsed.elements if tag == "html"] == ["es-MX"]
    assert all(attributes.get("scope") for tag, attributes in parsed.elements if tag == "th")


def test_the_figures_are_those_of_the_table(page: Path, database: str) -> None:
    parsed = _Page(page.read_text(encoding="utf-8"))
    month = one(database, "SELECT max(fecha) FROM ultimo_mes")
    ((book, imor, icap, gap, year),) = ask(
        database,
        "SELECT s.cartera_total, s.imor, c.icap_total, b.imor - s.imor, s.cartera_total / a.cartera_total - 1"
        " FROM sistema s JOIN ultimo_mes b USING (fecha) JOIN sistema a ON a.fecha = s.fecha - interval '1 year'"
        " CROSS JOIN (SELECT icap_total FROM sistema WHERE icap_total IS NOT NULL ORDER BY fecha DESC LIMIT 1) c"
        " WHERE b.banco_norm = 'INVEX'",
    )
    cards = [text.replace("\u00a0", " ").replace("\u2212", "-") for text in parsed.text["figure"]]
    assert cards == [
        f"{float(book) / 1e6:,.2f} billones",
        f"{100 * float(imor):.2f} %",
        f"{100 * float(icap):.2f} %",
        f"{10_000 * float(gap):+,.0f} pb",
        "0",
    ]
    assert f"{float(book):,.0f} MDP; {100 * float(year):+.1f}" in parsed.text["note"][0].replace("\u2212", "-")
    largest = [
        name for (name,) in ask(database, "SELECT banco_norm FROM ultimo_mes ORDER BY cartera_total DESC LIMIT 20")
    ]
    rows = re.findall(r'<th scope="row">([^<]+)</th>', page.read_text(encoding="utf-8"))
    assert rows[0] == "SISTEMA"
    assert rows[1 : 1 + len(largest)] == largest
    assert month.year == 2025


def test_the_browser_sees_contrast_widths_and_no_error(page: Path, tmp_path: Path) -> None:
    seen = browser.look(page, tmp_path)
    for name, width in (("wide", 1200), ("phone", 390)):
        found: dict[str, Any] = seen[name]
        assert found["faint"] == []
        assert found["page"] <= found["width"] <= width
        assert found["texts"] > 100
    assert seen["wide"]["wide"] == 0
    assert seen["phone"]["wide"] >= 5  # four charts and a table scroll in their own boxes
    assert browser.console(page, tmp_path) == []
    assert 3 <= browser.printed_pages(page, tmp_path) <= 6


def test_a_policy_that_is_broken_would_be_seen(page: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.html"
    text = page.read_text(encoding="utf-8")
    broken.write_text(
        text.replace("</body>", '<p style="color:#ccc">x</p><img src="https://example.org/a.png"></body>')
    )
    assert browser.console(broken, tmp_path) != []
    assert [text for text, _ in browser.look(broken, tmp_path)["wide"]["faint"]] == ["x"]


def test_another_bank_and_month(database: str, tmp_path: Path) -> None:
    done, text = write(database, tmp_path, "--banco", "banorte", "--mes", "2025-03")
    assert done.code == 0
    assert _Page(text).headings[0][1] == "Marzo de 2025: BANORTE y el sistema"
    assert "banner" not in _Page(text).text
    for options in (["--banco", "NO SUCH BANK"], ["--mes", "1999-01"]):
        done, _ = write(database, tmp_path / "nowhere", *options)
        assert (done.code, done.out) == (78, "")


def test_a_copied_month_is_passed_over_and_said(published: str, tmp_path: Path) -> None:
    ask(published, "UPDATE monthly_kpis SET alertas = '{mes_repetido}' WHERE fecha = '2025-07-01'")
    _, text = write(published, tmp_path)
    parsed = _Page(text)
    assert parsed.headings[0][1].startswith("Junio de 2025")
    banner = text.partition('<section class="banner"')[2].partition("</section>")[0]
    assert "Julio de 2025" in banner
    assert re.search(r"tienen \d+ meses", banner)


def test_what_changed_is_told_with_its_figures(published: str, small: Path, tmp_path: Path) -> None:
    set_cell(small / ICAP, "ICAP Total", lambda old: old + 1, Cve_Inst="040059", FECHA="2025-03-01")
    run(published, small)
    _, text = write(published, tmp_path)
    old, new = ask(published, "SELECT valor_anterior, valor_nuevo FROM cambios_recientes")[0]
    row = re.search(r"<tr><th scope=\"row\">INVEX</th><td>mar 25</td>.*icap_total.*</tr>", text)
    assert row
    assert f"<td>{100 * old:.4f}\u00a0%</td><td>{100 * new:.4f}\u00a0%</td>" in row[0]
    assert _Page(text).text["figure"][4] == "1"


def test_an_empty_database_and_a_folder_that_is_not_there(dsn: str, database: str, tmp_path: Path) -> None:
    done, _ = write(dsn, tmp_path)
    assert done.code == 78
    done = etl("report", "--out", tmp_path / "no" / "such" / "folder.html", BANKADVISOR_DSN=database)
    assert done.code == 78
    assert list(tmp_path.iterdir()) == []


def test_sample_data_is_called_invented(dsn: str, sample_dir: Path, tmp_path: Path) -> None:
    assert etl("run", "--data-dir", sample_dir, BANKADVISOR_DSN=dsn).code == 0
    _, text = write(dsn, tmp_path)
    assert "inventadas" in text.partition('<section class="banner"')[2].partition("</section>")[0]


def test_the_real_files(dsn: str, real_data: Path, tmp_path: Path) -> None:
    assert etl("run", "--data-dir", real_data, BANKADVISOR_DSN=dsn).code == 0
    done, text = write(dsn, tmp_path)
    assert done.cpu < SECONDS
    assert len(text.encode()) < LARGEST_SIZE
    parsed = _Page(text)
    figures = [value.replace("\u00a0", " ") for value in parsed.text["figure"]]
    assert parsed.headings[0][1] == "Junio de 2025: INVEX y el sistema"
    assert figures[:4] == ["7.67 billones", "2.03 %", "20.00 %", "+32 pb"]
    seen = browser.look(tmp_path / "informe.html", tmp_path)
    assert seen["wide"]["faint"] == seen["phone"]["faint"] == []
    assert seen["phone"]["page"] <= 390
