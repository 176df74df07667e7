"""Views of people: members and companies, how they sign in, and on which devices."""
