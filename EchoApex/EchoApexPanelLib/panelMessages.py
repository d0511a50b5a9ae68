"""What a panel says, and what it tries to do: of all panels alike."""

import slicer


class PanelMessages:
    """Says sentences in ``label``, at the top of a panel; ``outdate`` lets that show everything anew."""

    def __init__(self, label, outdate):
        self.label, self.outdate = label, outdate

    def attempt(self, action):
        """Does ``action`` and gives its result; what is refused is said in the panel, and None comes back."""
        try:
            self.say("")
            return self.attemptQuietly(action)
        finally:
            self.outdate()

    def attemptQuietly(self, action):
        """As `attempt`, in the middle of showing things: a message that is there stays, and nothing is shown anew."""
        from echoapex.errors import EchoApexError

        try:
            return action()
        except EchoApexError as refusal:
            self.say(str(refusal))
            return None

    def say(self, sentence):
        """One message at a time: at the top of the panel, and in the status bar, which is always seen."""
        if sentence == self.label.text:
            # A status bar paints the window at once, with the same words, too.
            return
        self.label.text = sentence
        self.label.visible = bool(sentence)
        slicer.util.showStatusMessage(sentence)
