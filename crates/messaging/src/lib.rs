//! Message queues of the pip-services toolkit: the contract, the in-memory queue and a conformance suite
