"""The model as it is: what every method has to beat."""

from __future__ import annotations

from services.trainer.job import Job, MethodSettings, Tuned


class Untuned:
    """Asks the model with the default template."""

    settings = MethodSettings
    words_only = True
    labels_only = False

    def __init__(self, settings: MethodSettings) -> None:
        self._settings = settings

    def tune(self, job: Job) -> Tuned:
        """Learn nothing."""
        job.save("prompt")
        return Tuned(total=job.parameters)
