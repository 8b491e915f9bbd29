"""The broker without Redis: its connections are set up as all others are."""

from engine.jobs.broker import QUEUE, PostgresBroker
from engine.jobs.process import announcements_of
from engine.settings import Settings


def test_a_worker_that_waits_for_messages_notices_a_silent_server(
    settings: Settings,
) -> None:
    broker = announcements_of(settings).broker
    assert isinstance(broker, PostgresBroker)
    consumer = broker.consume(QUEUE)
    known = consumer._connection.info.get_parameters()  # type: ignore[attr-defined] # ours
    consumer.close()
    assert known["application_name"] == "rangka"
    assert int(known["tcp_user_timeout"]) == 60_000
    assert int(known["keepalives_idle"]) == 30
