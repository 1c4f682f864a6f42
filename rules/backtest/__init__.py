"""Back-test: a rule run over stored history, by the code that the worker runs, without telling anyone."""

from rules.backtest.question import Question, question
from rules.backtest.result import Raised, Result, Told
from rules.backtest.run import backtest

__all__ = ["Question", "Raised", "Result", "Told", "backtest", "question"]
