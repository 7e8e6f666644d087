"""The figures of the design, measured beside what they are compared with, in one run on one machine."""
