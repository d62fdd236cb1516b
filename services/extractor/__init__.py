"""document.submitted, document.removed -> passage.extracted, passage.retracted."""
