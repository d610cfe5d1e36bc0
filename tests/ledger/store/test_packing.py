"""Headers as they lie in ledger.db."""

from hypothesis import given
from hypothesis import strategies as st

from ledger.store.packing import pack_headers, unpack_headers
from schemas.records import Headers

headers = st.lists(st.tuples(st.text(max_size=5), st.none() | st.binary(max_size=5)), max_size=5)


@given(headers.map(tuple))
def test_headers_come_out_as_they_went_in_those_without_a_value_too(given: Headers) -> None:
    assert unpack_headers(pack_headers(given)) == given
