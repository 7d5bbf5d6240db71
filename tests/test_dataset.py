from pipeline.dataset import Dataset

FIELDS = {"id": "text", "at": "timestamptz", "b": "timestamp", "usd": "money"}


def test_a_dataset_keeps_the_fingerprint_that_archives_hold_although_its_kinds_were_renamed() -> None:
    dataset = Dataset("rebilly_a", "rebilly", "transactions", FIELDS, "at", {"x": "y"}, {"format": "csv"})
    assert dataset.fingerprint == "f9e99835a3f9e090"
    assert Dataset("rebilly_a", "rebilly", "instant", {"instant": "text"}, "instant").fingerprint == "0d09d8e4140e305a"
