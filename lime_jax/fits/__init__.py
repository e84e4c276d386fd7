"""How samples become an explanation: a method's summary and fit, and its standard errors."""
