"""Other people's code, run on targets whose truth is known: where it agrees with ours to the digits, and where not.

Importing this package makes the peers importable without the libraries that they load and these tests never call.
"""

from tests.contract.peers import standins

standins.install()
