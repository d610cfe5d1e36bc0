"""Signed notes: ours are those of the specification, and nothing that was changed is accepted."""

import pytest

from ledger.attesting.errors import AttestationError, KeyFormError
from ledger.attesting.note import SignerKey, VerifierKey, signers_of, text_of

# The example of the Go implementation's documentation.
PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
SIGNED = (
    TEXT + "\n\N{EM DASH} PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_a_note_is_written_and_read_as_other_programs_do() -> None:
    assert SignerKey.parse(SECRET).sign(TEXT) == SIGNED
    assert signers_of(SIGNED, [VerifierKey.parse(PUBLIC)]) == ["PeterNeumann"]
    assert text_of(SIGNED) == TEXT
    assert str(SignerKey.parse(SECRET).verifier()) == PUBLIC
    assert SignerKey.parse(SECRET).text() == SECRET


def test_a_new_key_signs_what_its_public_key_accepts() -> None:
    signer = SignerKey.new("us")
    again = SignerKey.parse(signer.text())
    assert signers_of(again.sign(TEXT), [VerifierKey.parse(str(signer.verifier()))]) == ["us"]
    assert signer.text().split("+")[-1] not in repr(signer)


def test_a_changed_text_or_signature_is_refused() -> None:
    key = VerifierKey.parse(PUBLIC)
    with pytest.raises(AttestationError, match="does not fit"):
        signers_of(SIGNED.replace("answer", "Answer"), [key])
    with pytest.raises(AttestationError, match="does not fit"):
        signers_of(SIGNED.replace("ZJku", "ZJkv"), [key])


def test_signatures_of_strangers_are_passed_over() -> None:
    ours = SignerKey.new("us")
    both = SIGNED + ours.sign(TEXT).rpartition("\n\n")[2]
    assert signers_of(both, [ours.verifier()]) == ["us"]
    assert signers_of(SIGNED, [ours.verifier()]) == []
    assert signers_of(TEXT, [ours.verifier()]) == []
    assert signers_of(SIGNED, [SignerKey.new("PeterNeumann").verifier()]) == []


@pytest.mark.parametrize("line", ["no signature", "\N{EM DASH} name", "\N{EM DASH} name !!!!", "- name eDA4Z28="])
def test_what_stands_below_and_is_no_signature_is_refused(line: str) -> None:
    with pytest.raises(AttestationError, match="no signature"):
        text_of(SIGNED + line + "\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000",
        PUBLIC.replace("c74f20a3", "c74f20a4"),
        PUBLIC.replace("ARpc", "ARpd"),
        PUBLIC[:-4],
        PUBLIC.replace("+ARpc", "+ApRc"),
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(KeyFormError):
        VerifierKey.parse(text)
    with pytest.raises(KeyFormError) as refused:
        SignerKey.parse("PRIVATE+KEY+" + text)
    assert "ARpc" not in str(refused.value)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb"])
def test_a_name_that_a_note_cannot_hold_is_refused(name: str) -> None:
    with pytest.raises(KeyFormError, match="cannot name a key"):
        SignerKey.new(name)
