"""A copy of what a reader sees, kept by the event feed alone, as an integration or a phone keeps one."""
from lib.stack import wait_until


class Copy:
    """records: {(collection, id): what GET would answer}."""

    def __init__(self, api, *collections):
        self.api, self.collections = api, collections
        self.records, self.after, self.sight, self.events = {}, None, None, []

    def begin(self):
        """From now on: the lists as they are, and the cursor from before they were read."""
        page = self.api.get("/v1/events", fromNow=True).ok()
        self.after, self.sight = page["cursor"], page["sight"]
        self.records = {(c, r["id"]): r for c in self.collections for r in self.api.all(f"/v1/{c}", pageSize=200)}
        return self

    def follow(self, **params):
        """Applies all that is new. Begins again when what the reader may see has changed."""
        while True:
            page = self.api.get("/v1/events", **({"after": self.after} if self.after else {}), **params).ok()
            if self.sight not in (None, page["sight"]):
                self.begin()
                continue
            self.sight, self.after = page["sight"], page["cursor"]
            for event in page["events"]:
                self.events.append(event)
                self.apply(event)
            if not page["more"]:
                return self

    def apply(self, event):
        key = event["resource"], event["recordId"]
        if self.collections and event["resource"] not in self.collections:
            return
        if event["action"] == "OUT_OF_SIGHT":
            self.records.pop(key, None)
            return
        record = self.records.get(key)
        if event["action"] == "CREATED":
            record = {"id": event["recordId"]}
        if record is None or int(record.get("version", 0)) >= int(event["version"]):
            return
        for change in event["changes"]:
            record[change["field"]] = change["after"]
        record.update(version=event["version"], updateTime=event["eventTime"])
        self.records[key] = record

    def alive(self, collection):
        return {id: r for (c, id), r in self.records.items() if c == collection and not r["deleteTime"]}

    def settle(self, last):
        """Follows until the event of a record has come: a reader stops below transactions still under way."""
        wait_until(f"the event of {last}", lambda: any(e["recordId"] == last for e in self.follow().events))
        return self
