"""Words that names of hosts, mailboxes and sites are made of everywhere: what they do, what runs there, who made it.

Within a name they are replaced with it. By themselves they tell of nobody, and logs are full of them; so, other than
`acme` of `web01.acme.example`, they are not looked for in all texts.
"""

from typing import Final

_TEXT: Final = """
    abuse academy accept access account accounting accounts action active adfs admin ads agent agents ajax akamai
    akamaiedge akamaihd alert alerts alias all alpha amazon amazonaws america analytics android answer anti apache
    api apis app apple application applications apps archive area array asia assets audit august auth auto
    autodiscover avast avira aws azure azureedge azurewebsites back backend backup bad balancer bank barracuda base
    bastion batch beta bill billing bin bing bits black block blog blue board book boot border bot bounce bounces
    branch bridge broadband broker browser bucket bug build builder bus business cable cache cafe calendar call cam
    camera cameras campus card care career careers cart cases catalog ccm cdn cell center centos central centre cert
    certs chain change channel chat check checkpoint checkpoints chef chrome cisco citrix city class clean click
    client clients cloud cloudapp cloudflare cloudfront cluster code collab collector com command common community
    company compute config confluence connect console consul consumer contact content control controller cookie copy
    core corp corporate count country course cpe crash create crl cron crowdstrike css ctl current cust custom
    customer customers cyber daemon daily dash dashboard data database databases datacenter date day dbs dead debian
    debug december default delete deliver delta demo deploy desk desktop dev devel develop developer developers
    development device devices devops dhcp dial dialup digital dir direct director directory disk dispatch display
    dist distribution dmz dns doc docker docs document documents domain domains donotreply door down download
    downloads draft drive driver drop dropbox drupal dsl dump dyn dynamic east easy edge edit elastic elasticsearch
    element email embed end engine entry epo erp error eset esx esxi etcd eth ethernet europe event events evil
    exchange exec export express ext external extra extranet face facebook factory farm fast fastly fax february
    feed feedback fetch fiber file files filter finance find fire fireeye firefox firewall first fix flash floor
    flow flows fonts force forest form forms forti fortigate fortinet forum forward forwarder frame free friday
    front frontend ftp full function gateway general get ghost git github githubusercontent gitlab global gmail gold
    good google googleapis googlesyndication googletagmanager googleusercontent grafana graph graphite gray green
    grid group groups gstatic guard guest guide hadoop half handler hello help helpdesk helper high history home
    hook horizon hosted hosting hostmaster hot hotel hotmail hotspot html http https hub hyper hyperv ibm icloud
    icon icons idle idp image images imap img import inbound inbox index industry inet info infra inside insight
    instagram install int integration intel inter interface internal internet intra intranet invoice invoices iot
    iphone ipmi ipsec ipv4 ipv6 irc isp issue item january java javascript jenkins jira job jobs join joomla json
    july jump juniper kafka kaspersky key keycloak keys kibana kiosk kube kubernetes lab label labs lan laptop last
    launch layer ldap ldaps lead leaf learn left legacy legal level library licence license light limit line link
    linkedin linux list lists live load loadbalancer local location lock log logger logging login logo logon logs
    logstash long loop low mac machine mail mailbox mailer mailing mailman main maintenance man manage management
    manager map maps march mark market marketing markets master max may mcafee mdm media meet meeting member members
    memcached memory meraki mesh message messages meta metric metrics microsoft microsoftonline mid middle mimecast
    mini mirror misc mobile mod model modem module monday mongo mongodb monitor monitoring month move mozilla msedge
    msg msn msoidentity mssql multi music mysql nagios name names nas nat native net netapp netbios netflix netflow
    netscaler network networks news newsletter next nexus nginx night node nodes nokia noreply north notebook
    notification notifications notify november null number oauth object ocsp october office office365 offline okta
    old one onedrive online open openshift openssh openssl opensuse openvpn operation operations operator ops oracle
    order orders org origin other out outbound outlook output outside over owa owner pack package packages page
    pages palo paloalto paloaltonetworks panel parent park partner partners pass password patch path pay payment
    payments paypal pbx peer people perl person phone phones photo php pic pics pilot pipeline plan platform play
    player plus point policy poll pool pop pop3 port portal post postfix postgres postgresql postmaster power pre
    premium press primary print printer printers prints private probe process prod product production products
    profile program project projects prometheus promo proofpoint provider proxies proxy pub public publish pull
    puppet push python query queue quick rabbit rabbitmq rack radio radius random range rate raw rdp read real red
    redhat redirect redis region register registry relay release remote render replica reply repo report reports
    repository request res research reset resource response rest result return reverse review right risk road role
    root router routers routing run runner safe sales salesforce sample san sandbox sap satellite save scada scan
    scanner scheduler school science scope screen script scripts sdk search second secondary secure security segment
    self sender sensor sentinel sentry september sequence serial series server servers service services session
    sessions set setup sftp share shared sharepoint shell ship shop short show side siem sign signal silver simple
    single sip site sites size sky skype slack slave sms smtp snmp soc social soft software solr solution solutions
    sonar sophos source south space spam spare spark special speed spine splunk spool spring sql ssh ssl sso staff
    stage staging standard standby star start stat state static statistics stats status step stock stop storage
    store stores story stream stub student style submit sun sunday supply support survey suse swan swift switch
    switches symantec sync sys syslog system systems table tablet tag task tasks tax tcp team teams teamviewer tech
    telecom telemetry telnet temp template temple terminal test tester testing tests text theme thin third threat
    three thumb ticket tickets time timer token tomcat tool tools top topic total tower trace track tracker tracking
    trade traffic train training transfer transport travel trend trendmicro trust tunnel twitter two type uat ubuntu
    udp under uni unit univ universe unix unknown unsubscribe up update updates upgrade uplink upload uploads upper
    ups url usa user users usr uucp vault vcenter vdi vendor version vhost video view virtual virus vision vlan
    vmail vmware voice voip volume vpn vsphere wall wan warehouse warn warning was wave web web1 webcam webex
    webmail webmaster website week weekly welcome west whats whatsapp white wide widget wifi wiki wikipedia win
    win10 win11 win2k window windows windowsupdate winlogbeat wire wireless wlan word wordpress work worker workers
    workshop workspace workstation world write www www1 www2 www3 xen xml yahoo yammer year yellow you your youtube
    zabbix zone zones zoom zscaler
    """
COMMON_WORDS: Final = frozenset(_TEXT.split())
