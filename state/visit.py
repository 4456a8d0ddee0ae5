"""What belongs to one visit? Events that are 30 minutes apart at most, and what was looked at.

The products of the visit under way are the last ones in ``Customer.viewed``, each once, the newest
last; the session says how many they are. What comes late and belongs to a visit that is over goes
before them.
"""

from state.customer import SESSION_GAP, VIEWED_MAX, Customer, Session


def come(session: Session, at: int, *, viewed: bool, added: bool = False) -> None:
    """Let something take place in the visit that is under way, or begin another one."""
    last_at = session.last_at
    if last_at < at <= last_at + SESSION_GAP:
        session.last_at = at
    elif at > last_at:
        session.count += 1
        session.started_at = session.last_at = at
        session.views = session.products = session.adds = 0
    elif at < session.started_at:
        if at < session.started_at - SESSION_GAP:
            return  # It belongs to a visit that is over.
        session.started_at = at
    if viewed:
        session.views += 1
    elif added:
        session.adds += 1


def look(customer: Customer, product_id: str, at: int) -> None:
    """Put a product that was looked at last of all, or of those of visits that are over."""
    viewed, session = customer.viewed, customer.session
    if viewed and viewed[-1] == product_id and session.products:
        return
    end = len(viewed) - session.products
    is_over = at < session.started_at
    if product_id in viewed:
        place = viewed.index(product_id)
        if is_over and place >= end:
            return  # It was looked at again since.
        del viewed[place]
        if place < end:
            end -= 1
        else:
            session.products -= 1
    if is_over:
        viewed.insert(end, product_id)
    else:
        viewed.append(product_id)
        session.products += 1
    if len(viewed) > VIEWED_MAX:
        del viewed[0]
        session.products = min(session.products, VIEWED_MAX)


def products_of(customer: Customer) -> list[str]:
    """The products of the visit under way, or of the last one, the newest first."""
    return customer.viewed[: -1 - customer.session.products : -1]


def under_way(customer: Customer | None, at: int) -> list[str]:
    """The products of the visit in which something at this moment takes place, the newest first.

    >>> it = Customer(viewed=["sofa", "tea", "milk"], session=Session(1, 1_000, 2_000, 2, 2))
    >>> under_way(it, 3_000), under_way(it, 3_000 + SESSION_GAP)
    (['milk', 'tea'], [])
    """
    if customer is None:
        return []
    session = customer.session
    if not session.started_at - SESSION_GAP <= at <= session.last_at + SESSION_GAP:
        return []
    return products_of(customer)
