//! Services of the pip-services toolkit, composed from a configuration file
