//! Logging, counters, connections, credentials and factories of the pip-services toolkit
