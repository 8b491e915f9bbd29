"""Notifications of changed records: whole, of one tenant each, never too long."""

from uuid import UUID, uuid4

from engine.news import MAX_BYTES, News, notifications, read


def news(entity: str = "items") -> News:
    return News(uuid4(), "shop", entity, str(uuid4()), "update", 3)


def test_each_tenant_is_told_of_its_own_events_in_their_order() -> None:
    first, second = uuid4(), uuid4()
    events = [(each, news()) for each in (first, second, first, first, second)]
    batches = [read(told) for told in notifications(events)]
    assert [batch.tenant for batch in batches] == [first, second]
    for batch in batches:
        assert batch.news == [told for tenant, told in events if tenant == batch.tenant]


def test_many_events_are_told_in_several_notifications_that_fit() -> None:
    tenant = uuid4()
    events = [(tenant, news("e" * (i % 63 + 1))) for i in range(500)]
    told = list(notifications(events))
    assert max(map(len, told)) <= MAX_BYTES
    assert min(map(len, told[:-1])) > MAX_BYTES - 250
    assert [each for text in told for each in read(text).news] == [
        each for _, each in events
    ]


def test_an_event_without_a_record_is_told() -> None:
    bare = News(UUID(int=7), "shop", "items", None, "import", None)
    (told,) = notifications([(UUID(int=1), bare)])
    assert read(told).news == [bare]
    assert read(told).news[0].topic == "shop.items"


def test_nothing_is_told_of_nothing() -> None:
    assert list(notifications([])) == []
