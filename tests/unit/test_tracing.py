"""What a trace costs where nobody collects it, and what becomes of one that others began."""

import subprocess
import sys

import pytest

from shared import tracing
from shared.delivery.envelope import header

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_trace_that_others_began_is_passed_on_where_none_is_collected():
    assert tracing.current() == ""
    with tracing.span("indexer", "process x", "consumer", TRACEPARENT, {}):
        assert tracing.current() == TRACEPARENT
        assert tracing.trace_id() == "0af7651916cd43dd8448eb211c80319c"
        tracing.note({"some": "thing"}, ValueError("nothing"))
    assert tracing.current() == tracing.trace_id() == ""


@pytest.mark.parametrize("bad", ["", "nonsense", TRACEPARENT.upper(), TRACEPARENT + "-00"])
def test_what_is_no_trace_is_not_passed_on(bad):
    with tracing.span("indexer", "process x", "consumer", bad, {}):
        assert tracing.current() == ""


def test_without_a_collector_no_span_is_made():
    script = (
        "import sys; from shared import tracing; import shared.delivery.http\n"
        "with tracing.span('indexer', 'process x', 'consumer', '', {}): pass\n"
        "tracing.note({}); tracing.flush('indexer')\n"
        "assert not {'opentelemetry.sdk.trace', 'opentelemetry.exporter'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(
    ("value", "passed_on"),
    [("ticket-4711", "ticket-4711"), ("größe", ""), (7, ""), ("x" * 201, ""), (None, "")],
)
def test_a_header_that_an_envelope_cannot_carry_is_left_out(value, passed_on):
    assert header({"correlation_id": value}, "correlation_id") == passed_on
