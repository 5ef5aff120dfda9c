"""One filing with the SEC, in one wording wherever it was read: a plain feed, a company's list, a search. Pure.

The identity is its accession number. A filing never changes (an amendment is one of its own), so the first telling
stands, whatever other ways to it say of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from ingest.dates.read import MISSING, ReadDate
from ingest.documents.make import make_document
from ingest.documents.text import html_to_text, safe_link
from ingest.formats.edgarfeed import filing_guid, filing_tags
from riskwire.identity import content_hash, document_id
from riskwire.types import Document

PUBLISHER = "sec.gov"
#: Who a filing is about comes before who filed it.
_ROLES = ("issuer", "subject", "filer", "reporting", "filed by")

#: The items of a form 8-K, in the SEC's words.
ITEMS: Mapping[str, str] = {
    "1.01": "Entry into a Material Definitive Agreement", "1.02": "Termination of a Material Definitive Agreement",
    "1.03": "Bankruptcy or Receivership", "1.04": "Mine Safety", "1.05": "Material Cybersecurity Incidents",
    "2.01": "Completion of Acquisition or Disposition of Assets",
    "2.02": "Results of Operations and Financial Condition", "2.03": "Creation of a Direct Financial Obligation",
    "2.04": "Triggering Events That Accelerate a Financial Obligation",
    "2.05": "Costs Associated with Exit or Disposal Activities", "2.06": "Material Impairments",
    "3.01": "Notice of Delisting or Failure to Satisfy a Listing Rule",
    "3.02": "Unregistered Sales of Equity Securities",
    "3.03": "Material Modification to Rights of Security Holders", "4.01": "Changes in Certifying Accountant",
    "4.02": "Non-Reliance on Previously Issued Financial Statements", "5.01": "Changes in Control of Registrant",
    "5.02": "Departure or Election of Directors or Officers", "5.03": "Amendments to Articles or Bylaws",
    "5.04": "Temporary Suspension of Trading Under Employee Benefit Plans", "5.05": "Amendment to Code of Ethics",
    "5.06": "Change in Shell Company Status", "5.07": "Submission of Matters to a Vote of Security Holders",
    "5.08": "Shareholder Director Nominations", "7.01": "Regulation FD Disclosure", "8.01": "Other Events",
    "9.01": "Financial Statements and Exhibits",
}  # fmt: skip


class Company(msgspec.Struct, frozen=True):
    """Who a filing names, and as what."""

    cik: str
    name: str
    role: str = ""
    tickers: tuple[str, ...] = ()


class Filing(msgspec.Struct, frozen=True, kw_only=True):
    """One filing. `amends` is the accession number of the one that an amendment (`/A`) takes up, where it is known."""

    accession: str
    form: str
    companies: tuple[Company, ...] = ()
    filed: ReadDate = MISSING
    items: tuple[str, ...] = ()
    link: str | None = None
    amends: str | None = None

    @property
    def id(self) -> str:
        """The story's id: that which a plain feed of EDGAR's gives it, too."""
        return document_id(PUBLISHER, guid=filing_guid(self.accession))

    @property
    def about(self) -> Company | None:
        """The company that it is about: the issuer before who reports."""
        ranks = {role: rank for rank, role in enumerate(_ROLES)}
        return min(self.companies, key=lambda one: ranks.get(one.role.lower(), len(_ROLES)), default=None)


def tell(
    filing: Filing, source: str, feed_url: str, run_id: str, symbols: Mapping[str, str], now: datetime
) -> Document:
    """The document. `symbols` knows the symbol of a CIK (ten digits), where the answer itself names none."""
    about = filing.about
    company = html_to_text(about.name) if about else ""
    form = html_to_text(filing.form)
    summary = "; ".join(ITEMS[item] for item in filing.items if item in ITEMS)
    amendment = filing.form.endswith("/A")
    if amendment:
        original = form.removesuffix("/A")
        amends = f"Amends {f'the {original} {filing.amends}' if filing.amends else f'a {original}'}"
        summary = f"{summary}. {amends}" if summary else amends
    ticker = (about.tickers[0] if about.tickers else symbols.get(about.cik)) if about else None
    extra = (["amendment"] if amendment else []) + ([f"amends:{filing.amends}"] if filing.amends else [])
    document = make_document(
        document_id=filing.id,
        source=source,
        publisher=PUBLISHER,
        source_type="filing",
        run_id=run_id,
        feed_url=feed_url,
        link=safe_link(filing.link),
        title=f"{company} files {form}" if company else form,
        summary=summary,
        tags=[*filing_tags(form, [one.cik for one in filing.companies], filing.items), *extra],
        source_symbols=[ticker.replace("-", ".")] if ticker else [],
        published=filing.filed,
        seen_at=now,
    )
    return msgspec.structs.replace(document, content_hash=content_hash(filing_guid(filing.accession), ""))


def index_of(cik: str, accession: str) -> str | None:
    """The filing's index page."""
    if not (cik.isascii() and cik.isdigit()):
        return None
    return f"https://www.sec.gov/Archives/edgar/data/{int(cik)}/{accession.replace('-', '')}/{accession}-index.htm"
