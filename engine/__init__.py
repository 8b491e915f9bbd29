"""The running application: HTTP, identity, policy, records, queries, events."""
