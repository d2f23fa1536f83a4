"""What can go wrong, as a tree.

TopicsError
├── InvalidInput      (also ValueError)         the data cannot be used
│   └── NoDocuments                             there are none, where some are needed
├── InvalidConfig     (also ValueError)         a setting cannot be used
├── ModelNotFound     (also LookupError)        an encoder is not to be had here
├── StoreDamaged                                stored bytes are not what was written
├── RunInProgress                               another process is making a run of the same model
├── SchemaMismatch                              a run folder of another schema
├── VerificationFailed                          a run cannot be reproduced, or its files were changed
└── WorkersLost                                 work that was given away did not come back

Every message names the value, what is allowed, and the way out. The command line exits with 2 for
`InvalidInput`, `InvalidConfig` and `ModelNotFound`, and with 1 for the others.
"""


class TopicsError(Exception):
    """Everything this library raises on purpose."""


class InvalidInput(TopicsError, ValueError):
    """The data passed in cannot be used; the message names the argument and the fix."""


class NoDocuments(InvalidInput):
    """There is not one document in what was given; an update takes that as nothing new."""


class InvalidConfig(TopicsError, ValueError):
    """A setting cannot be used; the message names it, what is allowed and what came."""


class ModelNotFound(TopicsError, LookupError):
    """No such encoder here; the message lists where it was looked for and what would work."""


class StoreDamaged(TopicsError):
    """A stored value does not match its checksum; it was set aside."""


class RunInProgress(TopicsError):
    """Somebody else holds the lock of a model's runs; the message says who."""


class SchemaMismatch(TopicsError):
    """A run folder was written under a schema this version does not read."""


class VerificationFailed(TopicsError):
    """A run folder was changed after it was written, or running it again gives something else."""


class WorkersLost(TopicsError):
    """Processes or machines that were given work are gone; what they finished is in the store."""
