"""Fixtures for all tests."""

import signal

pytest_plugins = ["support.cluster", "support.homes", "support.libraries"]

# where tests run in the background, as with nohup, programs that they start would never
# hear of the interrupts that some of them are sent
signal.signal(signal.SIGINT, signal.default_int_handler)
