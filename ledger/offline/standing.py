"""Whether a journal has ended, as its folder tells, or the kernel where its writer ran; no lock is relied on."""

from dataclasses import dataclass, replace
from pathlib import Path

from ledger.journal.folder import Identity, WriterFolder
from ledger.tracking.watching import PROCESSES, Verdict, verdict_of
from ledger.watchdog.alive import is_gone
from ledger.watchdog.folder import EvidenceFolder
from ledger.watchdog.verdict import Evidence, decide

_ASSUMED = "assumed: whoever delivered the journal said that it had ended (--assume-ended)"


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a journal: whether it has ended, in words how that is known, and how its process ended."""

    ended: bool
    why: str
    verdict: Verdict | None = None
    presumed: bool = False
    unknown: bool = False
    """Whether it may have ended, and nobody can tell from here."""


def standing_of(folder: WriterFolder, identity: Identity) -> Standing:
    """What can be known of a journal from here."""
    evidence = evidence_of(folder, identity)
    told = None if evidence is None else evidence.ending()
    if told is not None:
        return Standing(True, "its watchdog saw the end", told)
    if folder.is_marked_ended():
        return Standing(True, "it was closed", _verdict(evidence))
    process = f"process {identity.pid} on {identity.host}"
    gone = is_gone(identity.of_writer())
    if gone is False or folder.holds_lock():
        return Standing(False, f"still running: {process}")
    if gone is None:
        return Standing(False, f"nobody can tell from here whether {process} has ended", unknown=True)
    verdict = _verdict(None) if evidence is None else verdict_of(str(evidence.path))
    if verdict is None:
        return Standing(False, f"about to be judged: the watchdog of {process} is at it")
    return Standing(True, f"{process} is gone", verdict)


def assumed(folder: WriterFolder, identity: Identity) -> Standing:
    """What a person says who knows more than can be known from here."""
    ending, ended_at = _verdict(evidence_of(folder, identity))
    return Standing(
        True,
        "assumed to have ended",
        (replace(ending, certainty=f"{_ASSUMED}; {ending.certainty}"), ended_at),
        presumed=True,
    )


def evidence_of(folder: WriterFolder, identity: Identity) -> EvidenceFolder | None:
    """The folder of evidence of a journal's process: beside the journal, wherever that is mounted here."""
    if identity.process is None:
        return None
    named = Path(identity.process)
    beside = folder.path.parent / PROCESSES / named.name
    found = next((path for path in (beside, named) if path.is_dir()), None)
    return None if found is None else EvidenceFolder(found)


def _verdict(evidence: EvidenceFolder | None) -> Verdict:
    return decide(Evidence() if evidence is None else evidence.evidence()), None
