"""The page that shows the chat at work: a buyer and a seller side by side, and what passes between them.

It is there where DEMO is on. It signs people in without any proof, and so only as those whom `seed_demo` makes, on the
stores that this program starts for development, with tokens of the server's own key (`demo.safety`).
"""
