//! Configuration, references, lifecycle and errors of the pip-services toolkit
