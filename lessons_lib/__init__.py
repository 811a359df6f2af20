"""When and why can feed-forward models replace recurrent ones?  The library behind the course.

Rooms, in the order in which data flows through them; each imports only from those above it:
``corpora``, ``models``, ``stability``, ``training``, ``runs``, ``experiments``, ``wikitext2``, ``figures``,
``checks``, ``panels``, ``lessons``, ``bench``, and the command line ``cli`` over all of them.
"""
