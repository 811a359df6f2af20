"""A question with buttons: what the learner commits to, before looking."""

from __future__ import annotations

from html import escape

import ipywidgets as widgets

from lessons_lib.checks import Question


class PredictionWidget(widgets.VBox):
    """Buttons for a question's options; pressing one commits to it.

    Nothing waits for an answer. The choice may be changed until the question's answer is revealed.
    """

    def __init__(self, question: Question) -> None:
        self.question = question
        self._buttons = [
            widgets.Button(
                description=option,
                tooltip=f"Commit to: {option}",
                layout=widgets.Layout(width="auto", min_width="7em", height="auto", max_width="100%"),
            )
            for option in question.options
        ]
        for button in self._buttons:
            # A long answer is read, not cut off.
            button.add_class("lessons-option")
            button.on_click(self._pressed)
        self._said = widgets.HTML()
        head = f"<b>{escape(question.label)}.</b> {escape(question.text)}"
        options = widgets.Box(self._buttons, layout=widgets.Layout(flex_flow="row wrap"))
        super().__init__([widgets.HTML(head), options, self._said])
        question.listeners.append(self._show)
        self._show(question)

    def __repr__(self) -> str:
        return repr(self.question)

    def close(self) -> None:
        """Let go of the question, which may be asked again."""
        if self._show in self.question.listeners:
            self.question.listeners.remove(self._show)
        super().close()

    def _pressed(self, button: widgets.Button) -> None:
        self.question.commit(button.description)

    def _show(self, question: Question) -> None:
        for button in self._buttons:
            chosen = button.description == question.committed
            button.button_style = "info" if chosen else ""
            button.icon = "check" if chosen else ""
            button.disabled = question.revealed
        if question.revealed:
            said = question.reveal()
        elif question.committed is not None:
            said = f"You said: {question.committed}."
        else:
            said = "Choose one: you can change your mind until the answer is shown."
        self._said.value = f'<span role="status">{escape(said)}</span>'
