#include "services/middleware/portal_table_test.h"

#include "absl/strings/str_replace.h"
#include "holdfast/middleware/v1/replica_items.pb.h"
#include "libs/testing/status_matchers.h"

namespace holdfast::middleware {
namespace {

#define PAGE_OF(size, row) \
  "{total_items:int,max_page_items:" size ",selected_item:int,cur_page:int,data:[" row "]"
#define PAGED(size, row) PAGE_OF(size, row) "}"
#define LIVE_LINK "{id:str,cmd:str,streamer_id:int,link_id:int,load:int,error:"
#define ARCHIVE_LINK \
  "{id:0,cmd:str,storage_id:str,load:str,error:str,download_cmd:false,to_file:str}"
#define FILM_LINK \
  "{id:str,cmd:str,storage_id:str,load:str,error:str,subtitles:[{file:str,lang:str}]}"
#define RECORDING                                                                             \
  "id:str,real_id:str,ch_id:str,local:str,t_start_ts:str,t_stop_ts:str,program:str,file:str," \
  "program_id:str,program_real_id:str,internal_id:str"
#define CHOICES "[{label:str,value:str,selected:0|1}+]"
#define ID_AND_TITLE "[{id:str,title:str}+]"

}  // namespace

const NamedShapes& PortalShapes() {
  static const NamedShapes shapes = {
      {"channel",
       "{id:str,name:str,number:str,censored:str,cmd:str,cost:str,count:str,status:str,"
       "tv_genre_id:str,base_ch:str,hd:str,xmltv_id:str,service_id:str,bonus_ch:str,"
       "volume_correction:str,use_http_tmp_link:\"1\",mc_cmd:str,enable_tv_archive:str,"
       "wowza_tmp_link:str,wowza_dvr:str,monitoring_status:str,monitoring_status_updated:null|str,"
       "enable_monitoring:str,enable_wowza_load_balancing:str,cmd_1:str,cmd_2:str,cmd_3:str,"
       "logo:str,correct_time:str,allow_pvr:str,allow_local_pvr:str,modified:str,"
       "allow_local_timeshift:str,nginx_secure_link:str,tv_archive_duration:str,"
       "flussonic_dvr:str,locked:str,lock:int,fav:int,archive:int,genres_str:str,epg:[any],"
       "open:int,error?:str,use_load_balancing:str,pvr:int,cur_playing:str,cmds:[@link+]}"},
      {"link",
       "{id:str,ch_id:str,priority:str,url:str,status:str,use_http_tmp_link:str,"
       "wowza_tmp_link:str,user_agent_filter:str,use_load_balancing:str,changed:str,"
       "enable_monitoring:str,enable_balancer_monitoring:str,nginx_secure_link:str,"
       "flussonic_tmp_link:str}"},
      {"programme",
       "{id:str,ch_id:str,time:str,time_to:str,duration:str,name:str,descr:str,real_id:str,"
       "category:str,director:str,actor:str,start_timestamp:str,stop_timestamp:str,t_time:str,"
       "t_time_to:str,display_duration:str|int,larr:int,rarr:int,mark_rec:int,rec_id?:str,"
       "mark_memo:int,mark_archive:int,on_date:str,open?:int}"},
      {"reminder",
       "{fire_ts:str,t_fire_time:str,itv_name:str,ch_id:str,program_name:str,tv_program_id:str,"
       "tv_program_real_id:str}"},
      {"title",
       "{id:str,name:str,o_name:str,old_name:str,description:str,pic:str,cost:str,time:str,"
       "director:str,actors:str,year:str,country:str,age:str,rating_imdb:str,rating_kinopoisk:str,"
       "rating_count_imdb:str,rating_mpaa:str,path:str,protocol:str,rtsp_url:str,file:str,"
       "status:str,accessed:str,volume_correction:str,disable_for_hd_devices:str,count:str,"
       "added:str,censored:str,is_series:str,category_id:str,cat_genre_id_1:str,"
       "cat_genre_id_2:str,cat_genre_id_3:str,cat_genre_id_4:str,genres_str:str,lock:int,fav:int,"
       "for_rent:int,low_quality:int,has_files:int,open:int,series:[int],screenshots:str,"
       "screenshot_uri:str|false,cmd:str,is_movie:true,"
       "rent_info?:{rent_end_date:str,expires_in:str},position?:int,cur_series?:int,today?:true,"
       "yesterday?:true,week_and_more?:true}"},
      {"season",
       "{id:str,video_id:str,name:str,season_name:str,season_number:str,season_series:str,"
       "description:str,is_season:true,screenshot_uri:str|false,series:[int+],lock:int,cmd:str}"},
      {"episode",
       "{id:str,season_id:str,video_id:str,name:str,series_number:str,time:str,is_episode:true,"
       "has_files:int,series:[int+],lock:int,cmd:str}"},
      {"file",
       "{id:str,video_id:str,name:str,quality:str,languages:str,is_file:true,protocol:str,url:str,"
       "lock:int,cmd:str}"},
      {"station",
       "{id:str,name:str,number:str,cmd:str,count:str,status:str,volume_correction:str,"
       "enable_monitoring:str,monitoring_status:str,fav:int,error:str,open:int|bool,radio:true,"
       "page:int}"},
      {"recording",
       "{" RECORDING
       ",name:str,ch_name:str,t_start:str,length:str,cmd:str,started:int,ended:int,open:bool}"},
      {"package",
       "{package_id:str,id:str,price:str,optional:bool,subscribed:bool,name:str,type:str,external_"
       "id:str,"
       "description:str,service_type:str,subscribed_str?:str,not_subscribed_str?:str}"},
      {"profile",
       "{id:str,name:str,sname:str,fname:str,phone:str,ls:str,login:str,mac:str,ip:str,"
       "status:\"0\",parent_password:str,settings_password:str,bright:str,contrast:str,"
       "saturation:str,aspect:str,volume:str,audio_out:str,playback_buffer_bytes:str,"
       "playback_buffer_size:str,screensaver_delay:str,plasma_saving:str,fav_itv_on:str,hd:str,"
       "main_notify:str,tv_quality:str,video_clock:str,theme:str,additional_services_on:str,"
       "tariff_plan_id:str,tariff_plan:str,pri_audio_lang:str,sec_audio_lang:str,"
       "pri_subtitle_lang:str,sec_subtitle_lang:str,subtitle_size:str,subtitle_color:str,"
       "show_after_loading:str,play_in_preview_by_ok:str,ts_enabled:str,ts_enable_icon:str,"
       "ts_path:str,ts_max_length:str,ts_buffer_use:str,ts_action_on_exit:str,ts_delay:str,"
       "account_balance:str,expire_billing_date:str,"
       "watchdog_timeout:int,timeslot_ratio:num,timeslot:num,epg_update_time_range:num,"
       "epg_data_block_period_for_stb:int,tv_playback_retry_limit:int,"
       "fading_tv_retry_timeout:bool,plasma_saving_timeout:int,timezone_diff:int,"
       "last_itv_id:int|str,updated:{id:str,uid:str,anec:str,vclub:str},storages:[]|{*:any},"
       "is_moderator:bool,tester:bool,locale:str,stb_lang:str,default_locale:str,"
       "default_timezone:str,store_auth_data_on_stb:bool,auth_access:bool,"
       "display_menu_after_loading:bool,record_max_length:int,playback_limit:int,"
       "max_local_recordings:int,enable_tariff_plans:bool,allow_subscription_from_stb:bool,"
       "show_purchased_filter:bool,enable_service_button:bool,enable_setting_access_by_pass:bool,"
       "show_tv_channel_logo:bool,show_channel_logo_in_preview:bool,"
       "show_tv_only_hd_filter_option:bool,tv_archive_continued:bool,"
       "invert_channel_switch_direction:bool,play_in_preview_only_by_ok:bool,"
       "enable_stream_error_logging:bool,enable_stream_losses_logging:bool,"
       "enable_buffering_indication:bool,enable_connection_problem_indication:bool,"
       "always_enabled_subtitles:bool,account_page_by_password:bool,force_ch_link_check:bool,"
       "hls_fast_start:bool,show_version_in_main_menu:bool,disable_youtube_for_mag200:bool,"
       "standby_on_hdmi_off:bool,kinopoisk_rating:bool,use_embedded_settings:bool,"
       "logarithm_volume_control:bool,deny_720p_gmode_on_mag200:bool,"
       "enable_arrow_keys_setpos:bool,strict_stb_type_check:bool,"
       "allowed_stb_types:[str+],allowed_stb_types_for_local_recording:[str],"
       "hdmi_event_reaction:int,update_url:str,test_download_url:str,demo_video_url:str,"
       "rtsp_type:str,rtsp_flags:str,tv_channel_default_aspect:str,default_led_level:str,"
       "standby_led_level:str,check_ssl_certificate:int,web_proxy_host:str,web_proxy_port:str,"
       "web_proxy_user:str,web_proxy_pass:str,web_proxy_exclude_list:str,"
       "external_payment_page_url:str,cas_type:int,cas_params:str,cas_web_params:str,"
       "cas_additional_params:str,cas_hw_descrambling:int|str,cas_ini_file:str}"},
  };
  return shapes;
}

const std::vector<ActionRow>& PortalTable() {
  static const std::vector<ActionRow> table = {
      // -- The start
      {"stb/handshake", "", "{token:str,random:str}"},
      {"stb/handshake", "token=F6654F81AA00BB11CC22DD33EE44FF55",
       "{token:str,random:str,not_valid:1}"},
      {"stb/get_profile", "stb_type=MAG250&sn=0&hd=1&num_banks=1", "@profile"},
      {"stb/do_auth", "login=ada&password=wrong", "bool"},
      {"stb/get_localization", "", "{*:str}"},
      {"stb/check_portal_status", "", "bool"},
      {"stb/get_modules", "",
       "{all_modules:[str+],switchable_modules:[str],disabled_modules:[str],"
       "restricted_modules:[str],template:str}"},
      {"stb/get_preload_images", "gmode=720", "[str]"},
      {"stb/get_storages", "", "[]"},
      {"stb/get_ad", "video_mode=1080i-60", "[]"},
      {"stb/get_settings_profile", "",
       "{parent_password:str,settings_password:str,update_url:str,test_download_url:str,theme:str,"
       "playback_buffer_size:str,screensaver_delay:str,show_after_loading:str,themes:[any],"
       "modules:[any]}"},
      {"stb/get_locales", "", CHOICES},
      {"stb/get_countries", "", CHOICES},
      {"stb/get_cities", "country_id=1", "[{label:str,value:str,selected:0|1}]"},
      {"stb/search_cities", "country_id=1&search=b", "[{label:str,value:str,selected:0|1}]"},
      {"stb/get_timezones", "", CHOICES},

      // -- What a viewer sets up
      {"stb/set_volume", "vol=40", "true"},
      {"stb/set_aspect", "aspect=32&ch_id=1", "true"},
      {"stb/get_tv_aspects", "", "{*:str}"},
      {"stb/set_parent_password", "pass=1234", "true"},
      {"stb/set_parent_password", "pass=%3Cb%3E", "false"},
      {"stb/set_settings_password", "pass=4321", "true"},
      {"stb/set_locale", "locale=de_DE.utf8&city=undefined", "true"},
      {"stb/set_playback_buffer", "playback_buffer_bytes=1&playback_buffer_size=2", "true"},
      {"stb/set_spdif_mode", "spdif_mode=1", "true"},
      {"stb/set_playback_settings", "playback_buffer_bytes=5&audio_out=1&playback_limit=3", "true"},
      {"stb/set_screensaver_delay", "screensaver_delay=15", "true"},
      {"stb/set_plasma_saving", "plasma_saving=1", "true"},
      {"stb/set_timeshift_settings", "data=%7B%22ts_enabled%22%3A1%7D", "true"},
      {"stb/set_hdmi_reaction", "data=2", "true"},
      {"stb/set_lang_priority", "pri_audio_lang=deu", "true"},
      {"stb/set_portal_prefs", "theme=dark", "true"},
      {"stb/set_common_settings", "screensaver_delay=20", "true"},
      {"stb/set_clock_on_video", "clockType=Off", "true"},
      {"stb/set_stream_error", "ch_id=1&event=4", "true"},
      {"stb/save_diagnostic_info", "x=1", "true"},
      {"stb/get_profile", "stb_type=MAG250", "@profile"},

      // -- Television
      {"itv/get_genres", "",
       "[{id:str,title:str,alias:str,number?:str,modified?:str,censored:int}+]"},
      {"itv/get_all_channels", "", PAGED("14", "@channel+")},
      {"itv/get_ordered_list", "genre=*&p=1", PAGED("14", "@channel+")},
      {"itv/get_ordered_list", "genre=*&p=1&hd=1&quality=high", PAGED("14", "@channel")},
      {"itv/get_ordered_list", "genre=pvr&p=1", PAGED("14", "@channel+")},
      {"itv/get_ordered_list", "genre=77&p=1",
       "{total_items:0,max_page_items:14,selected_item:0,cur_page:0,data:[]}"},
      {"itv/create_link", "cmd=ffrt%20http://localhost/ch/1", LIVE_LINK "\"\"}"},
      {"itv/create_link", "cmd=http://localhost/ch/3", LIVE_LINK "\"access_denied\"}"},
      {"itv/create_link", "cmd=nonsense", LIVE_LINK "\"nothing_to_play\"}"},
      {"itv/get_short_epg", "ch_id=1&size=3", "[@programme+]"},
      {"itv/get_epg_info", "period=3", "{data:{*:[@programme+]}}"},
      {"itv/set_fav", "fav_ch=2,1", "true"},
      {"itv/get_fav_ids", "", "[str+]"},
      {"itv/get_all_fav_channels", "fav=1", PAGED("14", "@channel+")},
      {"itv/set_fav_status", "fav_itv_on=1", "true"},
      {"itv/set_last_id", "id=1", "true"},
      {"itv/set_played", "itv_id=1&censored=0", "true"},
      {"itv/add_to_censored", "ch_id=2", "true"},
      {"itv/del_from_censored", "ch_id=2", "true"},
      {"itv/set_claim", "id=1&real_type=video", "true"},
      {"itv/save_dvb_channels", "channels=%5B%5D", "true"},
      {"stb/log", "real_action=play&ch_id=1&tmp_type=1", "1"},

      // -- The guide
      {"epg/get_week", "", "[{f_human:str,f_mysql:str,today:0|1}+]"},
      {"epg/get_simple_data_table", "ch_id=1&date=2026-01-02&p=1", PAGED("10", "@programme+")},
      {"epg/get_data_table", "ch_id=1&p=1",
       PAGE_OF("10",
               "{ch_id:str,name:str,number:str,ch_type:str,dvb_id:null,epg_container:1,"
               "epg:[@programme]}+") ",time_marks:[str+],from_ts:int,to_ts:int}"},
      {"epg/get_all_program_for_ch", "ch_id=1",
       "[{start_timestamp:str,stop_timestamp:str,name:str}+]"},
      {"tvreminder/add", "ch_id=1&program_id={later}&fire_ts=1767360000&program_name=x",
       "@reminder"},
      {"tvreminder/add", "ch_id=1&program_id=nonsense", "false"},
      {"tvreminder/get_all_active", "", "[@reminder+]"},
      {"tvreminder/del", "program_id={later}", "true"},

      // -- Catch-up
      {"tv_archive/create_link", "cmd=auto%20/media/1_1767342600.mpg", ARCHIVE_LINK},
      {"tv_archive/create_link", "cmd=nonsense", ARCHIVE_LINK},
      {"tv_archive/get_link_for_channel", "ch_id=1", ARCHIVE_LINK},
      {"tv_archive/get_next_part_url", "id=1_1767339000", "str"},
      {"tv_archive/get_next_part_url", "id=nonsense", "false"},
      {"tv_archive/set_played", "ch_id=1", "int"},
      {"tv_archive/set_played_timeshift", "ch_id=1", "int"},
      {"tv_archive/update_played_end_time", "hist_id={hist}", "true"},
      {"tv_archive/update_played_timeshift_end_time", "hist_id={hist}", "true"},

      // -- Heartbeat
      {"watchdog/get_events", "init=1&cur_play_type=1&event_active_id=0",
       "{data:{msgs:int,additional_services_on:str}}"},
      {"watchdog/confirm_event", "event_active_id=1", "{data:\"ok\"}"},

      // -- Films
      {"vod/get_categories", "", "[{id:str,title:str,alias:str,censored:0|1}+]"},
      {"vod/get_genres_by_category_alias", "cat_alias=drama", ID_AND_TITLE},
      {"vod/get_years", "category=3", ID_AND_TITLE},
      {"vod/get_abc", "", ID_AND_TITLE},
      {"vod/get_ordered_list", "category=*&p=1&sortby=added", PAGED("14", "@title+")},
      {"vod/get_ordered_list", "movie_id=8&p=1", PAGED("14", "@season+")},
      {"vod/get_ordered_list", "movie_id=8&season_id=1&p=1", PAGED("14", "@episode+")},
      {"vod/get_ordered_list", "movie_id=8&season_id=1&episode_id=1&p=1", PAGED("14", "@file+")},
      {"vod/get_ordered_list", "movie_id=5&p=1", PAGED("14", "@file+")},
      {"vod/get_ordered_list", "movie_id=99999&p=1", PAGED("14", "@title")},
      {"vod/create_link", "cmd=/media/file_50.mpg", FILM_LINK},
      {"vod/create_link", "cmd=nonsense", FILM_LINK},
      {"vod/del_link", "item=1", "true"},
      {"vod/set_fav", "video_id=5", "true"},
      {"vod/del_fav", "video_id=5", "true"},
      {"vod/set_not_ended", "video_id=5&series=0&end_time=90&file_id=50", "true"},
      {"vod/get_ordered_list", "not_ended=1&p=1", PAGED("14", "@title+")},
      {"vod/set_ended", "video_id=5", "true"},
      {"vod/set_played", "video_id=5&storage_id=1", "true"},
      {"vod/set_claim", "id=5&real_type=video", "true"},
      {"series/get_categories", "", "[{id:str,title:str,alias:str,censored:0|1}+]"},
      {"series/get_genres_by_category_alias", "cat_alias=drama", ID_AND_TITLE},
      {"series/get_years", "category=3", ID_AND_TITLE},
      {"series/get_abc", "", ID_AND_TITLE},
      {"series/get_ordered_list", "category=*&p=1", PAGED("14", "@title+")},
      {"series/get_ordered_list", "movie_id=8&p=1", PAGED("14", "@season+")},
      {"series/get_ordered_list", "movie_id=8&season_id=1&p=1", PAGED("14", "@episode+")},
      {"series/get_ordered_list", "movie_id=5&p=1", PAGED("14", "@file+")},
      {"series/create_link", "cmd=/media/8.mpg&series=1", FILM_LINK},

      // -- Radio
      {"radio/get_ordered_list", "p=1", PAGED("14", "@station+")},
      {"radio/set_fav", "fav_radio=1", "true"},
      {"radio/get_fav_ids", "", "[str+]"},
      {"radio/get_all_fav_radio", "p=1", PAGED("14", "@station+")},
      {"radio/get_channel_by_id", "number=1", "@station"},
      {"radio/get_channel_by_id", "number=99", "false"},

      // -- Recordings
      {"remote_pvr/get_active_recordings", "", "[{" RECORDING "}+]"},
      {"remote_pvr/get_ordered_list", "p=1",
       PAGE_OF("14", "@recording+") ",records_rest_length:int}"},
      {"remote_pvr/start_rec_now", "ch_id=1", "{data:[{" RECORDING "}+]}"},
      {"remote_pvr/start_rec_now", "ch_id=99", "{error:str}"},
      {"remote_pvr/start_rec_deferred", "program_id=1_1767360600", "{data:str}"},
      {"remote_pvr/start_rec_deferred", "program_id=nonsense", "{error:str}"},
      {"remote_pvr/create_link", "cmd=auto%20/media/{rec}.mpg",
       "{id:str,cmd:str,storage_id:str,load:str,error:str}"},
      {"remote_pvr/start_record_on_stb",
       "ch_id=1&start_ts=1767348000&stop_ts=1767351600&file=/media/a.ts&internal_id=1", "int"},
      {"remote_pvr/start_record_on_stb", "ch_id=1&start_ts=5&stop_ts=4", "false"},
      {"remote_pvr/start_deferred_record_on_stb",
       "program_real_id={later}&start_ts=1767353400&stop_ts=1767357000&file=/media/b.ts", "int"},
      {"remote_pvr/create_link", "cmd=auto%20/media/{box}.mpg",
       "{id:str,cmd:str,storage_id:str,load:str,error:str,local:1}"},
      {"remote_pvr/update_record_on_stb_end_time", "rec_id={box}&stop_ts=1767372000", "true"},
      {"remote_pvr/set_internal_id", "rec_id={box}&internal_id=77", "true"},
      {"remote_pvr/stop_record_on_stb", "rec_id={box}", "true"},
      {"remote_pvr/stop_record_on_stb", "rec_id={rec}", "false"},
      {"remote_pvr/del_record_on_stb", "rec_id={box}", "true"},
      {"remote_pvr/stop_rec_deferred", "rec_id={rec}&duration=60", "bool"},
      {"remote_pvr/stop_rec", "rec_id={rec}", "true"},
      {"remote_pvr/del_rec", "rec_id={rec}", "true"},

      // -- The account
      {"account_info/get_main_info", "",
       "{fname:str,phone:str,ls:str,mac:str,last_change_status:str,end_date?:str,"
       "account_balance?:str,tariff_plan?:str}"},
      {"account_info/get_payment_info", "", "str"},
      {"account_info/get_agreement_info", "", "str"},
      {"account_info/get_terms_info", "", "str"},
      {"account_info/get_demo_video_parts", "", "str"},
      {"account_info/get_user_packages", "p=1", PAGED("14", "@package+")},
      {"account/check_price", "package_id=sport", "{result:any} | {message:str}"},
      {"account/subscribe_to_package", "package_id=sport", "{result:any} | {message:str}"},
      {"account/unsubscribe_from_package", "package_id=sport", "{result:any} | {message:str}"},
      {"account/check_video_price", "video_id=5", "{message:str}"},
      {"account/check_video_price", "video_id=9", "{result:str,rent_duration:int}"},
      {"account/check_video_price", "video_id=10", "{result:\"0\",rent_duration:int}"},
      {"account/rent_video", "video_id=5&price=1", "{message:str}"},
      {"account/rent_video", "video_id=9&price=3.00%20EUR", "{message:str}"},
      {"account/rent_video", "video_id=10&price=0",
       "{result:int,rent_duration:int,package_id:str,"
       "rent_info:{rent_end_date:str,expires_in:str}}"},
      {"user/get_package_description", "package_id=sport",
       "{} | {name:str,type:str,description:str,services:str,price:str}"},

      // -- What boxes keep here
      {"media_favorites/get_all", "", "str"},
      {"media_favorites/save", "favorites=%5B%5D", "true"},
      {"downloads/get_all", "", "str"},
      {"downloads/save", "downloads=%5B%5D", "true"},

      // Without a database nobody can be logged out.
      {"stb/logout", "", "bool"},
  };
  return table;
}

GoldenPortal::GoldenPortal(FixtureOptions options) : PortalFixture(std::move(options)) {
  HaveEverything();
  HavePackages();
  HaveEntitlement("acc-1", {"basic"}, billing::v1::Entitlement::STATUS_ACTIVE,
                  {{10, kNowSeconds + 90'000}});
  HaveCatalogue();
  RunJob("follow_database").IgnoreError();  // PostgreSQL is away
  LogIn();
  later = "1_" + std::to_string(kNowSeconds - 1800 + 2 * 3600);
  const Json begun = Call("remote_pvr", "start_rec_deferred",
                          "program_id=1_" + std::to_string(kNowSeconds - 1800 + 3600))
                         .Js();
  if (begun.contains("data")) recording = begun["data"];
  on_box = Call("remote_pvr", "start_record_on_stb",
                "ch_id=1&start_ts=1767369600&stop_ts=1767373200&file=/media/c.ts")
               .Js()
               .dump();
  history = Call("tv_archive", "set_played", "ch_id=1").Js().dump();
}

std::string GoldenPortal::QueryIn(const ActionRow& row) const {
  return absl::StrReplaceAll(
      row.query,
      {{"{rec}", recording}, {"{box}", on_box}, {"{hist}", history}, {"{later}", later}});
}

// Films 5 ("Alpha") and 6 ("Beta", for adults), series 8 ("Delta"), 9 ("Echo", for rent) and 10
// ("Foxtrot", rented), one station.
void GoldenPortal::HaveCatalogue() {
  replica::Update update{.kind = replica::Update::Kind::kFull, .epoch = "test", .revision = 1};
  const auto put = [&](const std::string& key, const v1::CatalogueItem& item) {
    update.items.emplace_back(key, MakeShared(item.SerializeAsString()));
  };
  v1::CatalogueItem category;
  category.mutable_category()->set_category_id(3);
  category.mutable_category()->set_title("Drama");
  category.mutable_category()->set_alias("drama");
  category.mutable_category()->add_genres("Dark");
  put("c3", category);
  for (const auto& [id, name] : {std::pair(5, "Alpha"), std::pair(6, "Beta"), std::pair(8, "Delta"),
                                 std::pair(9, "Echo"), std::pair(10, "Foxtrot")}) {
    v1::CatalogueItem item;
    v1::VodTitle& title = *item.mutable_title();
    title.set_title_id(id);
    title.set_category_id(3);
    title.set_name(name);
    title.set_year("2020");
    title.set_adult(id == 6);
    if (id > 8) title.set_package_id("cinema");
    title.add_genre_ids(1);
    title.set_added_at(kNowSeconds - 3600);
    v1::VodFile file;
    file.set_file_id(id * 10);
    file.set_address("http://far/" + std::to_string(id));
    file.add_subtitles()->set_address("http://s/1.srt");
    if (id == 8) {
      v1::VodSeason& season = *title.add_seasons();
      season.set_number(1);
      v1::VodEpisode& episode = *season.add_episodes();
      episode.set_number(1);
      *episode.add_files() = file;
    } else {
      *title.add_files() = file;
    }
    put("t" + std::to_string(id), item);
  }
  v1::CatalogueItem radio;
  radio.mutable_radio()->set_radio_id(1);
  radio.mutable_radio()->set_number(1);
  radio.mutable_radio()->set_name("One");
  radio.mutable_radio()->set_address("http://r/one");
  put("r1", radio);
  ASSERT_THAT(portal().models().catalogue_replica().Apply(update), test::IsOk());
}

}  // namespace holdfast::middleware
