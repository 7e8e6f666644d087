"""The version of this package: here, so that a worker need not read the metadata of all packages."""

VERSION = "0.1.0"
